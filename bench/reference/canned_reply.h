// CannedReply: the one reply of the reference servers: the head that the daemon writes and a body of kAnswerBytes.
// Threads: one loop.  Owns: its bytes.  Errors: none.  Cost: `text` is free; `set_time` formats once a second.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "support/answer.h"

namespace introspectd::bench {

class CannedReply {
 public:
  CannedReply() { set_time(std::time(nullptr)); }

  void set_time(std::time_t now) {
    if (now == second_) return;
    second_ = now;
    std::tm broken_down{};
    ::gmtime_r(&now, &broken_down);
    char date[40];
    const std::size_t date_bytes = std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &broken_down);
    AnswerBuffer buffer;
    text_ = "HTTP/1.1 200 OK\r\nDate: ";
    text_.append(date, date_bytes);
    text_ += "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: ";
    text_ += std::to_string(kAnswerBytes);
    text_ += "\r\n\r\n";
    text_ += active_answer(7, buffer);
  }
  std::string_view text() const { return text_; }

 private:
  std::time_t second_ = 0;
  std::string text_;
};

}  // namespace introspectd::bench
