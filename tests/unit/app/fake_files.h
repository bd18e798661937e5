// FakeFiles: the disk of a configuration test: what is not put there is missing.
#pragma once

#include <map>
#include <string>

#include "app/file_reader.h"

namespace introspectd::app {

class FakeFiles final : public FileReader {
 public:
  struct File {
    std::string text;
    std::uint32_t mode = 0600;
    std::uint32_t gid = 900;
  };

  FakeFiles() {
    put("/etc/introspectd/main.secret", {"s3cret-of-main\n"});
    put("/etc/introspectd/callers/orders.secret", {"s3cret-of-orders\n"});
    put("/etc/introspectd/ssf.token", {"s3cret-of-polls\n"});
    put("/etc/introspectd/fleet.key", {"s3cret-of-the-fleet\n"});
    put("/etc/introspectd/portal.key", {"s3cret-of-portal\n"});
    put("/etc/ssl/certs/ca-certificates.crt",
        {"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0644, 0});
  }
  void put(const std::string& path, File file) { files_[path] = std::move(file); }
  void put_socket(const std::string& path) { kinds_[path] = FileKind::kSocket; }
  void remove(const std::string& path) { files_.erase(path); }

  tl::expected<FileContent, std::string> read(const std::string& path, std::size_t most) override {
    const auto found = files_.find(path);
    if (found == files_.end()) return tl::unexpected(std::string("none: No such file or directory"));
    if (found->second.text.size() > most)
      return tl::unexpected("more than " + std::to_string(most) + " bytes");
    return FileContent{Secret(found->second.text), found->second.mode, found->second.gid};
  }
  FileKind kind(const std::string& path) override {
    if (const auto found = kinds_.find(path); found != kinds_.end()) return found->second;
    return files_.count(path) != 0 ? FileKind::kOther : FileKind::kMissing;
  }

 private:
  std::map<std::string, File> files_;
  std::map<std::string, FileKind> kinds_;
};

}  // namespace introspectd::app
