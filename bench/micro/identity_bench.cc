// What it costs to know what a caller asks about: the hash of its token, the place of it, the form, the credentials.
#include <benchmark/benchmark.h>

#include "base/secret.h"
#include "cache/identity.h"
#include "micro/sample.h"
#include "oauth/authorization.h"
#include "oauth/token_request.h"

namespace introspectd::bench {
namespace {

void hash_of_token(benchmark::State& state) {
  const std::string token = sample_token(1);
  for (auto _ : state) benchmark::DoNotOptimize(cache::hash_token(token));
}
BENCHMARK(hash_of_token);

void place_of_hash(benchmark::State& state) {
  const cache::TokenHash hash = cache::hash_token(sample_token(1));
  for (auto _ : state) benchmark::DoNotOptimize(cache::place_of({1, 2}, hash));
}
BENCHMARK(place_of_hash);

void form_of_request(benchmark::State& state) {
  const std::string body = "token=" + sample_token(1);
  Secret scratch;
  for (auto _ : state) benchmark::DoNotOptimize(oauth::read_token_request(body, scratch));
}
BENCHMARK(form_of_request);

void basic_authorization(benchmark::State& state) {
  Secret scratch;
  for (auto _ : state) benchmark::DoNotOptimize(oauth::read_authorization(kSampleAuthorization, scratch));
}
BENCHMARK(basic_authorization);

}  // namespace
}  // namespace introspectd::bench
