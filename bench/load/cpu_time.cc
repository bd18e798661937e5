#include "load/cpu_time.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <string>

#include "support/socket.h"

namespace introspectd::bench {
namespace {

std::string read_file(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> buffer;
  const ssize_t got = fd.valid() ? ::read(fd.get(), buffer.data(), buffer.size()) : 0;
  return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::int64_t sum_of_schedstat(const std::string& process) {
  const std::unique_ptr<DIR, CloseDirectory> tasks(::opendir((process + "/task").c_str()));
  if (!tasks) return 0;
  std::int64_t sum = 0;
  while (const dirent* task = ::readdir(tasks.get())) {
    if (task->d_name[0] == '.') continue;
    sum += std::strtoll(read_file(process + "/task/" + task->d_name + "/schedstat").c_str(), nullptr, 10);
  }
  return sum;
}

// Fields 14 and 15 of proc(5)'s stat; the name in field 2 may hold spaces and ends at the last ')'.
std::int64_t ticks_of_stat(const std::string& process) {
  const std::string stat = read_file(process + "/stat");
  std::size_t at = stat.rfind(')');
  for (int field = 2; field < 13 && at != stat.npos; ++field) at = stat.find(' ', at + 1);
  if (at == stat.npos) return 0;
  char* end = nullptr;
  const std::int64_t user = std::strtoll(stat.c_str() + at + 1, &end, 10);
  return user + std::strtoll(end, nullptr, 10);
}

}  // namespace

std::int64_t process_cpu_ns(std::int64_t pid) {
  if (pid <= 0) return 0;
  const std::string process = "/proc/" + std::to_string(pid);
  const std::int64_t exact = sum_of_schedstat(process);
  if (exact > 0) return exact;
  return ticks_of_stat(process) * (1'000'000'000 / ::sysconf(_SC_CLK_TCK));
}

std::int64_t processes_cpu_ns(const std::vector<std::int64_t>& pids) {
  std::int64_t sum = 0;
  for (const std::int64_t pid : pids) sum += process_cpu_ns(pid);
  return sum;
}

}  // namespace introspectd::bench
