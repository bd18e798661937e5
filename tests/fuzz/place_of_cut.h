// The place where a target cuts its input: it follows from the input, so that every finding can be replayed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace introspectd::fuzz {

// FNV-1a, within the bytes; 0 of none.
inline std::size_t place_of_cut(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return bytes.empty() ? 0 : static_cast<std::size_t>(hash) % bytes.size();
}

}  // namespace introspectd::fuzz
