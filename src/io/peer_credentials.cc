#include "io/peer_credentials.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <vector>

namespace introspectd::io {
namespace {

// The supplementary groups; empty when the kernel will not say.
std::vector<gid_t> read_groups(int fd) {
  std::vector<gid_t> groups(32);
  for (;;) {
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const int outcome = ::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes);
    const std::size_t count = bytes / sizeof(gid_t);
    if (outcome == 0) {
      groups.resize(count);
      return groups;
    }
    if (errno != ERANGE || count <= groups.size()) return {};
    groups.resize(count);
  }
}

}  // namespace

ports::Peer read_peer(int fd) {
  ports::Peer peer;
  int domain = 0;
  socklen_t size = sizeof domain;
  if (::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain != AF_UNIX) return peer;
  peer.is_unix = true;
  ucred credentials{};
  size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    peer.uid = kUnknownUid;
    return peer;
  }
  peer.uid = credentials.uid;
  peer.gids.push_back(credentials.gid);
  for (const gid_t group : read_groups(fd)) {
    if (std::find(peer.gids.begin(), peer.gids.end(), group) == peer.gids.end()) peer.gids.push_back(group);
  }
  return peer;
}

}  // namespace introspectd::io
