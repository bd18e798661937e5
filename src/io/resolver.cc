#include "io/resolver.h"

#include <netdb.h>
#include <netinet/in.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"

namespace introspectd::io {
namespace {

// Numeric addresses without repetition, in the order given.
std::vector<std::string> numeric_addresses(const addrinfo* list) {
  std::vector<std::string> addresses;
  for (const addrinfo* at = list; at != nullptr; at = at->ai_next) {
    std::array<char, NI_MAXHOST> text{};
    if (::getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) continue;
    std::string address(text.data());
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(std::move(address));
    }
  }
  return addresses;
}

}  // namespace

struct Resolver::Lookup {
  uv_getaddrinfo_t request{};
  Resolver* owner = nullptr;  // null: given up
  Host* host = nullptr;

  static void on_answer(uv_getaddrinfo_t* request, int status, addrinfo* list) noexcept {
    const std::unique_ptr<Lookup> self(static_cast<Lookup*>(request->data));
    std::vector<std::string> addresses;
    if (status == 0) addresses = numeric_addresses(list);
    uv_freeaddrinfo(list);
    if (self->owner != nullptr) self->owner->ended(*self->host, std::move(addresses));
  }
};

struct Resolver::Waiter final : ports::Pending {
  Waiter(Host& h, UniqueFunction<void()> f) : host(&h), round(h.round), ready(std::move(f)) {}
  ~Waiter() override {
    if (host != nullptr) std::erase(host->waiters, this);
  }

  Host* host;           // null: called, or the resolver is gone
  std::uint64_t round;  // waits for a lookup that ends after this one
  UniqueFunction<void()> ready;
};

Resolver::~Resolver() {
  for (auto& [name, host] : hosts_) {
    for (Waiter* waiter : host->waiters) waiter->host = nullptr;
    if (host->lookup == nullptr) continue;
    host->lookup->owner = nullptr;
    (void)uv_cancel(reinterpret_cast<uv_req_t*>(&host->lookup->request));  // one already begun ends by itself
  }
}

void Resolver::keep(const std::string& host) { start(host_of(host)); }

const Resolver::Answer& Resolver::answer(const std::string& host) const {
  static const Answer kUnknown;
  const auto found = hosts_.find(host);
  return found == hosts_.end() ? kUnknown : found->second->answer;
}

ports::PendingToken Resolver::wait(const std::string& name, UniqueFunction<void()> ready) {
  Host& host = host_of(name);
  start(host);
  auto waiter = std::make_unique<Waiter>(host, std::move(ready));
  host.waiters.push_back(waiter.get());
  return waiter;
}

Resolver::Host& Resolver::host_of(const std::string& name) {
  std::unique_ptr<Host>& host = hosts_[name];
  if (!host) {
    host = std::make_unique<Host>();
    host->name = name;
  }
  return *host;
}

void Resolver::start(Host& host) {
  if (host.lookup != nullptr) return;
  host.refresh.reset();
  auto lookup = std::make_unique<Lookup>();
  lookup->request.data = lookup.get();
  lookup->owner = this;
  lookup->host = &host;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  ++lookups_;
  const int outcome =
      uv_getaddrinfo(loop_.raw(), &lookup->request, &Lookup::on_answer, host.name.c_str(), nullptr, &hints);
  CHECK_INVARIANT(outcome == 0);  // it refuses only names over 255 bytes, which the URL parser refused before
  host.lookup = lookup.release();
}

void Resolver::ended(Host& host, std::vector<std::string> addresses) {
  host.lookup = nullptr;
  ++host.round;
  if (!addresses.empty() && addresses != host.answer.addresses) {
    host.answer.addresses = std::move(addresses);
    ++host.answer.generation;
  }
  host.refresh = loop_.after(refresh_, [this, &host] { start(host); });
  release_waiters(host);
}

void Resolver::release_waiters(Host& host) {
  // Whoever waits again inside the call waits for the next lookup, and is behind all others.
  while (!host.waiters.empty() && host.waiters.front()->round < host.round) {
    Waiter* const waiter = host.waiters.front();
    host.waiters.erase(host.waiters.begin());
    waiter->host = nullptr;
    UniqueFunction<void()> ready = std::move(waiter->ready);
    ready();
  }
}

}  // namespace introspectd::io
