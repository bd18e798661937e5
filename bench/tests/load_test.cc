// The load generator's own promises: a figure that nobody checks is worth nothing.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <unistd.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "load/cpu_time.h"
#include "load/histogram.h"
#include "load/memcached.h"
#include "load/requests.h"
#include "load/token_mix.h"
#include "support/answer.h"
#include "support/http_text.h"
#include "support/token_set.h"

namespace introspectd::bench {
namespace {

std::string token(const TokenSet& tokens, std::uint64_t index) {
  std::string text(kTokenBytes, '\0');
  tokens.write(index, text.data());
  return text;
}

std::string reply(std::string_view status, std::string_view body) {
  return "HTTP/1.1 " + std::string(status) + "\r\nDate: now\r\ncontent-length: " + std::to_string(body.size()) +
         "\r\n\r\n" + std::string(body);
}

}  // namespace

TEST_CASE("histogram: a quantile is at most 1/64 above what was recorded, and never beyond the greatest") {
  Histogram histogram;
  for (std::int64_t i = 1; i <= 100'000; ++i) histogram.record(i * 1000);
  for (const double quantile : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = quantile * 100'000 * 1000;
    const auto found = static_cast<double>(histogram.quantile_ns(quantile));
    CHECK(found >= exact);
    CHECK(found <= exact * (1.0 + 1.0 / 64) + 1);
  }
  CHECK(histogram.quantile_ns(1) == 100'000'000);
  CHECK(histogram.count() == 100'000);
}

TEST_CASE("histogram: nothing recorded, below zero and beyond the last bucket are survived") {
  Histogram histogram;
  CHECK(histogram.quantile_ns(0.99) == 0);
  histogram.record(-5);
  CHECK(histogram.quantile_ns(0.99) == 0);
  histogram.record(std::int64_t{1} << 60U);
  CHECK(histogram.max_ns() == std::int64_t{1} << 60U);
  CHECK(histogram.quantile_ns(1) > 0);
}

TEST_CASE("token_set: 43 characters of base64url, all different, and the index comes back") {
  const TokenSet tokens(7);
  std::set<std::string> seen;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::string text = token(tokens, i);
    CHECK(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == text.npos);
    CHECK(seen.insert(text).second);
    CHECK(tokens.index_of(text) == i);
  }
  CHECK(tokens.index_of(token(tokens, kFirstMadeUpIndex + 3)) == kFirstMadeUpIndex + 3);
}

TEST_CASE("token_set: another seed's tokens, a changed one and a short one have no index") {
  const TokenSet tokens(7);
  CHECK_FALSE(tokens.index_of(token(TokenSet(8), 1)).has_value());
  std::string text = token(tokens, 1);
  text.back() = text.back() == 'A' ? 'E' : 'A';
  CHECK_FALSE(tokens.index_of(text).has_value());
  CHECK_FALSE(tokens.index_of(std::string_view(text).substr(1)).has_value());
  CHECK_FALSE(tokens.index_of("").has_value());
}

TEST_CASE("token_mix: a sequence asks for each of N once, in order") {
  MixPlan plan;
  plan.kind = MixPlan::Kind::kSequential;
  plan.count = 5;
  TokenMix mix(plan, 1);
  for (std::uint64_t i = 0; i < 12; ++i) CHECK(mix.next_index() == i % 5);
}

TEST_CASE("token_mix: Zipf gives rank k about 1/k of the asks of rank 1") {
  MixPlan plan;
  plan.kind = MixPlan::Kind::kZipf;
  plan.count = 1000;
  TokenMix mix(plan, 1);
  std::vector<double> asked(plan.count);
  for (int i = 0; i < 1'000'000; ++i) asked.at(mix.next_index()) += 1;
  for (const std::size_t rank : {2U, 3U, 10U, 100U}) {
    const double expected = asked[0] / static_cast<double>(rank);
    CHECK(std::abs(asked[rank - 1] - expected) < expected * 0.12);
  }
}

TEST_CASE("token_mix: misses and made-up tokens come in their shares and never repeat") {
  MixPlan plan;
  plan.count = 10;
  plan.miss_share = 0.2;
  plan.made_up_share = 0.1;
  TokenMix mix(plan, 1);
  std::set<std::uint64_t> misses;
  std::set<std::uint64_t> made_up;
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t index = mix.next_index();
    if (index >= kFirstMadeUpIndex) {
      CHECK(made_up.insert(index).second);
    } else if (index >= plan.count) {
      CHECK(misses.insert(index).second);
    }
  }
  CHECK(std::abs(static_cast<double>(made_up.size()) - 10'000) < 500);
  CHECK(std::abs(static_cast<double>(misses.size()) - 18'000) < 700);
}

TEST_CASE("reply_check: incomplete until its last byte, then right; what follows is left") {
  AnswerBuffer buffer;
  const std::string whole = reply("200 OK", active_answer(1, buffer));
  ReplyCheck check;
  std::size_t consumed = 0;
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CHECK(check.judge(std::string_view(whole).substr(0, bytes), 1, consumed) == ReplyCheck::Verdict::kIncomplete);
  }
  // Twice: the second time by the head that is known by then.
  for (int i = 0; i < 2; ++i) {
    CHECK(check.judge(whole + "HTTP", 1, consumed) == ReplyCheck::Verdict::kRight);
    CHECK(consumed == whole.size());
  }
}

TEST_CASE("reply_check: a wrong status, a wrong body and an answer of the other kind are wrong") {
  AnswerBuffer buffer;
  const std::string active(active_answer(1, buffer));
  ReplyCheck check;
  std::size_t consumed = 0;
  const auto verdict = [&](const std::string& bytes, std::uint64_t index) {
    return check.judge(bytes, index, consumed);
  };
  CHECK(verdict(reply("200 OK", active), 1) == ReplyCheck::Verdict::kRight);
  CHECK(verdict(reply("503 Service Unavailable", active), 1) == ReplyCheck::Verdict::kWrong);
  CHECK(verdict(reply("200 OK", active.substr(1)), 1) == ReplyCheck::Verdict::kWrong);
  CHECK(verdict(reply("200 OK", kInactiveAnswer), 1) == ReplyCheck::Verdict::kWrong);
  CHECK(verdict(reply("200 OK", active), kFirstMadeUpIndex) == ReplyCheck::Verdict::kWrong);
  CHECK(verdict(reply("200 OK", kInactiveAnswer), kFirstMadeUpIndex) == ReplyCheck::Verdict::kRight);
  CHECK(verdict("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1) ==
        ReplyCheck::Verdict::kMalformed);
  CHECK(verdict("HTTP/1.1 200 OK\r\nContent-Length: 4x\r\n\r\n0000", 1) == ReplyCheck::Verdict::kMalformed);
}

TEST_CASE("memcached: a get's reply is incomplete until its last byte, then right; what follows is left") {
  AnswerBuffer buffer;
  const std::string key = token(TokenSet(1), 1);
  const std::string whole = "VALUE " + key + " 0 450\r\n" + std::string(active_answer(1, buffer)) + "\r\nEND\r\n";
  ReplyCheck check(Protocol::kMemcachedGet);
  std::size_t consumed = 0;
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    CHECK(check.judge(std::string_view(whole).substr(0, bytes), 1, consumed) == ReplyCheck::Verdict::kIncomplete);
  }
  CHECK(check.judge(whole + "VALUE", 1, consumed) == ReplyCheck::Verdict::kRight);
  CHECK(consumed == whole.size());
}

TEST_CASE("memcached: a miss, an error and another value are wrong, what is no reply is malformed") {
  ReplyCheck get(Protocol::kMemcachedGet);
  ReplyCheck set(Protocol::kMemcachedSet);
  std::size_t consumed = 0;
  CHECK(get.judge("END\r\n", 1, consumed) == ReplyCheck::Verdict::kWrong);
  CHECK(consumed == 5);
  CHECK(get.judge("SERVER_ERROR out of memory\r\n", 1, consumed) == ReplyCheck::Verdict::kWrong);
  CHECK(get.judge("VALUE k 0 2\r\nab\r\nEND\r\n", 1, consumed) == ReplyCheck::Verdict::kWrong);
  CHECK(get.judge("VALUE k 0 2x\r\nab\r\nEND\r\n", 1, consumed) == ReplyCheck::Verdict::kMalformed);
  CHECK(get.judge("VALUE k 0 2\r\nabc\r\nEND\r\n", 1, consumed) == ReplyCheck::Verdict::kMalformed);
  CHECK(get.judge("HTTP/1.1 200 OK\r\n", 1, consumed) == ReplyCheck::Verdict::kMalformed);
  CHECK(set.judge("STOR", 1, consumed) == ReplyCheck::Verdict::kIncomplete);
  CHECK(set.judge("STORED\r\n", 1, consumed) == ReplyCheck::Verdict::kRight);
  CHECK(set.judge("NOT_STORED\r\n", 1, consumed) == ReplyCheck::Verdict::kWrong);
  CHECK(set.judge("VALUE\r\n", 1, consumed) == ReplyCheck::Verdict::kMalformed);
}

TEST_CASE("requests: each protocol asks about the same token") {
  AnswerBuffer buffer;
  const std::string key = token(TokenSet(1), 3);
  const auto text = [](Protocol protocol) {
    Plan plan;
    plan.protocol = protocol;
    std::string out = "before";
    RequestText(plan).append(out, 3);
    return out;
  };
  const std::string asked = text(Protocol::kIntrospect);
  CHECK(asked.starts_with("beforePOST /introspect HTTP/1.1\r\n"));
  CHECK(asked.ends_with("Content-Length: 49\r\n\r\ntoken=" + key));
  CHECK(text(Protocol::kBearer) ==
        "beforeGET /resource HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + key + "\r\n\r\n");
  CHECK(text(Protocol::kMemcachedGet) == "beforeget " + key + "\r\n");
  CHECK(text(Protocol::kMemcachedSet) ==
        "beforeset " + key + " 0 0 450\r\n" + std::string(active_answer(3, buffer)) + "\r\n");
}

TEST_CASE("cpu_time: several processes are summed, one that is gone counts nothing") {
  const std::int64_t self = ::getpid();
  const std::int64_t once = process_cpu_ns(self);
  CHECK(once > 0);
  CHECK(processes_cpu_ns({self, self, -1}) >= 2 * once);
  CHECK(processes_cpu_ns({}) == 0);
}

TEST_CASE("http_text: form_value finds the whole name only") {
  CHECK(form_value("token_type_hint=a&token=b&x=", "token") == "b");
  CHECK(form_value("xtoken=a", "token").empty());
  CHECK(form_value("token=", "token").empty());
  CHECK(form_value("", "token").empty());
}

}  // namespace introspectd::bench
