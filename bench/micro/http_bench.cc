// What a request costs to parse and a reply to write.
#include <benchmark/benchmark.h>

#include <cstring>

#include "base/byte_buffer.h"
#include "http/request_parser.h"
#include "http/response_writer.h"
#include "micro/sample.h"
#include "support/answer.h"

namespace introspectd::bench {
namespace {

void parse_request(benchmark::State& state) {
  http::RequestParser parser{http::ParserLimits{}};
  const std::string request = sample_request(1);
  for (auto _ : state) {
    CHECK_INVARIANT(parser.parse(request) == http::ParseStatus::kMessage);
    benchmark::DoNotOptimize(parser.request());
    parser.reset();
  }
}
BENCHMARK(parse_request);

void seal_reply(benchmark::State& state) {
  http::ResponseWriter writer;
  writer.set_time(WallTime::from_seconds(1'800'000'000));
  AnswerBuffer body;
  const std::string_view answer = active_answer(1, body);
  ByteBuffer out;
  for (auto _ : state) {
    const auto room = out.reserve(http::ResponseWriter::kHeadRoom + answer.size());
    std::memcpy(room.data() + http::ResponseWriter::kHeadRoom, answer.data(), answer.size());
    out.commit(writer.seal_ok_json(room.data(), answer.size(), true, false));
    benchmark::DoNotOptimize(out.view().data());
    out.consume(out.size());
  }
}
BENCHMARK(seal_reply);

}  // namespace
}  // namespace introspectd::bench
