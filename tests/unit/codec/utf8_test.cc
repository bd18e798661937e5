#include "codec/utf8.h"

#include <doctest/doctest.h>

#include <string_view>

namespace introspectd::codec {

TEST_CASE("utf8: sequences at both ends of every row of RFC 3629 §4") {
  struct Row {
    std::string_view text;
    std::size_t size;
  };
  for (const Row& row :
       {Row{"", 0}, Row{"a", 1}, Row{"\x7F", 1}, Row{"\x80", 0}, Row{"\xC1\xBF", 0}, Row{"\xC2\x80", 2},
        Row{"\xDF\xBF", 2}, Row{"\xDF\x7F", 0}, Row{"\xDF\xC0", 0}, Row{"\xE0\x9F\xBF", 0}, Row{"\xE0\xA0\x80", 3},
        Row{"\xED\x9F\xBF", 3}, Row{"\xED\xA0\x80", 0}, Row{"\xEE\x80\x80", 3}, Row{"\xEF\xBF\xBF", 3},
        Row{"\xEF\xBF", 0}, Row{"\xF0\x8F\xBF\xBF", 0}, Row{"\xF0\x90\x80\x80", 4}, Row{"\xF4\x8F\xBF\xBF", 4},
        Row{"\xF4\x90\x80\x80", 0}, Row{"\xF1\x80\x80", 0}, Row{"\xF1\x80\x80\x7F", 0}, Row{"\xF5\x80\x80\x80", 0},
        Row{"\xC3\xB6z", 2}}) {
    CAPTURE(row.text.size());
    CAPTURE(row.size);
    CHECK(utf8_sequence_size(row.text) == row.size);
  }
}

}  // namespace introspectd::codec
