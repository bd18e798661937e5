#include "io/disk_storage.h"

#include <uv.h>

#include <csignal>
#include <utility>

#include "base/assert.h"

namespace introspectd::io {

// What one turn of a file writes: a replacement, or all appends that waited.
struct DiskStorage::Write {
  uv_work_t request{};
  DiskStorage* owner = nullptr;  // null: the storage is gone
  std::shared_ptr<const StateDirectory> directory;
  std::string name;
  bool is_append = false;
  bool has_content = false;           // false: every one of them was refused
  std::string bytes;
  std::vector<Operation> operations;  // without their bytes
  std::size_t waiting_bytes = 0;      // that it counts for
  StateDirectory::Written outcome;    // its `remains` go in as well

  void run() {
    if (!has_content) return;
    // A file over the limit of the process is a failed write, not the end of the daemon.
    sigset_t limit_signal;
    sigemptyset(&limit_signal);
    sigaddset(&limit_signal, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &limit_signal, nullptr);
    outcome = is_append ? directory->append(name, bytes, outcome.remains)
                        : directory->replace(name, bytes, outcome.remains);
    std::string().swap(bytes);   // megabytes are given back here, not in a turn of the loop
  }
  static void on_pool_thread(uv_work_t* request) noexcept { static_cast<Write*>(request->data)->run(); }
  static void on_ended(uv_work_t* request, int status) noexcept {
    const std::unique_ptr<Write> self(static_cast<Write*>(request->data));
    CHECK_INVARIANT(status == 0);  // nobody cancels
    if (self->owner != nullptr) self->owner->ended(*self);
  }
};

tl::expected<std::unique_ptr<DiskStorage>, std::string> DiskStorage::open(UvLoop& loop, const std::string& path) {
  tl::expected<StateDirectory, std::string> directory = StateDirectory::open(path);
  if (!directory) return tl::unexpected(directory.error());
  // NOLINTNEXTLINE: the constructor is private
  return std::unique_ptr<DiskStorage>(new DiskStorage(loop, *std::move(directory)));
}

DiskStorage::DiskStorage(UvLoop& loop, StateDirectory directory)
    : loop_(loop), directory_(std::make_shared<const StateDirectory>(std::move(directory))) {}

DiskStorage::~DiskStorage() {
  if (destroyed_ != nullptr) *destroyed_ = true;
  for (auto& [name, file] : files_) {
    if (file.under_way != nullptr) file.under_way->owner = nullptr;
  }
}

std::optional<std::string> DiskStorage::read(std::string_view name) {
  std::optional<std::string> content = directory_->read(name);
  if (!content && directory_->holds(name)) return std::string();
  return content;
}

void DiskStorage::replace(std::string_view name, std::string bytes, UniqueFunction<void(bool ok)> done) {
  add(name, {.is_append = false, .is_refused = false, .bytes = std::move(bytes), .done = std::move(done)});
}

void DiskStorage::append(std::string_view name, std::string bytes, UniqueFunction<void(bool ok)> done) {
  add(name, {.is_append = true, .is_refused = false, .bytes = std::move(bytes), .done = std::move(done)});
}

bool DiskStorage::idle() const {
  for (const auto& [name, file] : files_) {
    if (file.under_way != nullptr) return false;
  }
  return true;
}

void DiskStorage::add(std::string_view name, Operation operation) {
  if (operation.bytes.size() > kWaitingBytesMost - waiting_bytes_) {
    operation.is_refused = true;
    std::string().swap(operation.bytes);
  }
  waiting_bytes_ += operation.bytes.size();
  const auto at = files_.try_emplace(std::string(name)).first;
  at->second.waiting.push_back(std::move(operation));
  if (at->second.under_way == nullptr) start(at->first, at->second);
}

void DiskStorage::start(const std::string& name, File& file) {
  auto write = std::make_unique<Write>();
  write->request.data = write.get();
  write->owner = this;
  write->directory = directory_;
  write->name = name;
  write->is_append = file.waiting.front().is_append;
  write->outcome.remains = file.remains;
  do {
    Operation& next = file.waiting.front();
    write->has_content = write->has_content || !next.is_refused;
    write->waiting_bytes += next.bytes.size();
    if (write->bytes.empty()) {
      write->bytes = std::exchange(next.bytes, {});   // a whole file is not copied
    } else {
      write->bytes += std::exchange(next.bytes, {});
    }
    write->operations.push_back(std::move(next));
    file.waiting.pop_front();
  } while (write->is_append && !file.waiting.empty() && file.waiting.front().is_append);
  const int outcome = uv_queue_work(loop_.raw(), &write->request, &Write::on_pool_thread, &Write::on_ended);
  CHECK_INVARIANT(outcome == 0);
  file.under_way = write.release();
}

void DiskStorage::ended(Write& write) {
  const auto at = files_.find(write.name);
  File& file = at->second;
  file.under_way = nullptr;
  file.remains = write.outcome.remains;
  waiting_bytes_ -= write.waiting_bytes;
  if (!file.waiting.empty()) start(at->first, file);
  for (Operation& operation : write.operations) {
    bool destroyed = false;
    destroyed_ = &destroyed;
    operation.done(write.outcome.ok && !operation.is_refused);
    if (destroyed) return;
    destroyed_ = nullptr;
  }
}

}  // namespace introspectd::io
