#include "fuzz/json_judge.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

namespace introspectd::fuzz {
namespace {

// Recursive descent; the depth is bounded before it descends.
class Judge {
 public:
  Judge(std::string_view text, std::size_t depth_most) : rest_(text), depth_most_(depth_most) {}

  JsonVerdict judge() {
    skip_space();
    JsonVerdict verdict;
    if (!rest_.starts_with('{') || !object(1, &verdict.active)) return {};
    skip_space();
    verdict.accepted = rest_.empty();
    return verdict;
  }

 private:
  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  void skip_space() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size())); }

  bool value(std::size_t depth) {
    if (rest_.starts_with('{')) return object(depth + 1, nullptr);
    if (rest_.starts_with('[')) return array(depth + 1);
    if (rest_.starts_with('"')) return string().has_value();
    return take("true") || take("false") || take("null") || number();
  }

  bool object(std::size_t depth, std::string* active) {
    if (depth > depth_most_ || !take("{")) return false;
    std::set<std::u32string> names;
    skip_space();
    if (take("}")) return true;
    do {
      skip_space();
      const auto name = string();
      skip_space();
      if (!name || !names.insert(*name).second || !take(":")) return false;
      skip_space();
      if (active != nullptr && *name == U"active") note_active(*active);
      if (!value(depth)) return false;
      skip_space();
    } while (take(","));
    return take("}");
  }

  void note_active(std::string& active) const {
    if (rest_.starts_with("true")) active = "true";
    if (rest_.starts_with("false")) active = "false";
  }

  bool array(std::size_t depth) {
    if (depth > depth_most_ || !take("[")) return false;
    skip_space();
    if (take("]")) return true;
    do {
      skip_space();
      if (!value(depth)) return false;
      skip_space();
    } while (take(","));
    return take("]");
  }

  bool digits() {
    const std::size_t count = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    rest_.remove_prefix(count);
    return count != 0;
  }
  bool number() {
    take("-");
    if (!take("0") && !digits()) return false;
    if (take(".") && !digits()) return false;
    if (take("e") || take("E")) {
      if (!take("+")) take("-");
      return digits();
    }
    return true;
  }

  std::optional<std::uint32_t> hex4() {
    if (rest_.size() < 4) return std::nullopt;
    std::uint32_t unit = 0;
    for (const char c : rest_.substr(0, 4)) {
      constexpr std::string_view kDigits = "00112233445566778899aAbBcCdDeEfF";
      const std::size_t at = kDigits.find(c);
      if (at == std::string_view::npos) return std::nullopt;
      unit = unit * 16 + static_cast<std::uint32_t>(at / 2);
    }
    rest_.remove_prefix(4);
    return unit;
  }
  // Behind `\u`.
  bool unicode_escape(std::u32string& decoded) {
    const auto unit = hex4();
    if (!unit || (*unit >= 0xDC00 && *unit <= 0xDFFF)) return false;
    if (*unit < 0xD800 || *unit > 0xDBFF) {
      decoded.push_back(static_cast<char32_t>(*unit));
      return true;
    }
    const auto low = take("\\u") ? hex4() : std::nullopt;
    if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
    decoded.push_back(static_cast<char32_t>(0x10000 + ((*unit - 0xD800) << 10U) + (*low - 0xDC00)));
    return true;
  }
  bool escape(std::u32string& decoded) {
    if (take("u")) return unicode_escape(decoded);
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::u32string_view kMeant = U"\"\\/\b\f\n\r\t";
    const std::size_t at = rest_.empty() ? std::string_view::npos : kNames.find(rest_.front());
    if (at == std::string_view::npos) return false;
    decoded.push_back(kMeant[at]);
    rest_.remove_prefix(1);
    return true;
  }
  // One code point by arithmetic: decode, then refuse what is overlong, a surrogate or too big.
  bool code_point(std::u32string& decoded) {
    const auto lead = static_cast<unsigned char>(rest_.front());
    const std::size_t size = lead < 0x80 ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if ((lead >= 0x80 && lead < 0xC0) || lead >= 0xF8 || lead < 0x20 || rest_.size() < size) return false;
    std::uint32_t point = size == 1 ? lead : lead & (0xFFU >> (size + 1));
    for (std::size_t i = 1; i < size; ++i) {
      const auto byte = static_cast<unsigned char>(rest_[i]);
      if (byte >> 6U != 2) return false;
      point = point << 6U | (byte & 0x3FU);
    }
    constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
    if (point < kLeast[size] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
    decoded.push_back(static_cast<char32_t>(point));
    rest_.remove_prefix(size);
    return true;
  }
  std::optional<std::u32string> string() {
    if (!take("\"")) return std::nullopt;
    std::u32string decoded;
    while (!take("\"")) {
      if (rest_.empty() || !(take("\\") ? escape(decoded) : code_point(decoded))) return std::nullopt;
    }
    return decoded;
  }

  std::string_view rest_;
  std::size_t depth_most_;
};

}  // namespace

JsonVerdict judge_json(std::string_view text, std::size_t bytes_most, std::size_t depth_most) {
  if (text.size() > bytes_most) return {};
  return Judge(text, depth_most).judge();
}

}  // namespace introspectd::fuzz
