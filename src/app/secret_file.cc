#include "app/secret_file.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "app/option_syntax.h"

namespace introspectd::app {
namespace {

constexpr std::size_t kSecretBytesMost = 4096;

tl::unexpected<SecretProblem> refuse(std::string expected, std::string got) {
  return tl::unexpected(SecretProblem{std::move(expected), std::move(got)});
}

bool has_control_byte(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

// A name is not echoed: somebody may have written the secret itself in place of its file's name.
std::string shown_name(std::string_view name) {
  return name.find('/') == std::string_view::npos ? "a credential" : quote(name);
}

// One line of text: its line end is not part of it (STD 9.07).
tl::expected<Secret, SecretProblem> first_line(std::string_view text, const std::string& shown) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.empty()) return refuse("a file with a secret", shown + ", which is empty");
  if (has_control_byte(text)) {
    return refuse("a file with one line of text", shown + " with control characters or further lines");
  }
  return Secret(text);
}

}  // namespace

tl::expected<PrivateFile, SecretProblem> read_private_file(std::string_view name, const ConfigWorld& world,
                                                           std::size_t most) {
  std::string path(name);
  const std::string shown = shown_name(name);
  if (name.find('/') == std::string_view::npos) {
    if (world.credentials_directory.empty()) {
      return refuse("an absolute path, as the daemon was started without systemd credentials",
                    "a name (not shown)");
    }
    path = world.credentials_directory + "/" + path;
  }
  const bool is_credential =
      !world.credentials_directory.empty() && path.starts_with(world.credentials_directory + "/");
  auto file = world.files->read(path, most);
  if (!file) return refuse("a readable file with a secret", shown + ": " + file.error());
  // systemd lets the service in by an ACL, whose mask shows as group permissions; its directory is private
  // anyway.
  const bool group_is_foreign = file->gid != world.gid && !is_credential;
  if ((file->mode & 07U) != 0 || ((file->mode & 070U) != 0 && group_is_foreign)) {
    return refuse("a file for the daemon and its group (" + std::to_string(world.gid) + ") only",
                  shown + " with mode " + quote(format_mode(file->mode)));
  }
  return PrivateFile{std::move(path), std::move(file->bytes)};
}

tl::expected<Secret, SecretProblem> read_secret_file(std::string_view name, const ConfigWorld& world) {
  const auto file = read_private_file(name, world, kSecretBytesMost);
  if (!file) return tl::unexpected(file.error());
  return first_line(file->bytes.reveal(), shown_name(name));
}

}  // namespace introspectd::app
