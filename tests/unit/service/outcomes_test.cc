#include "service/outcomes.h"

#include <doctest/doctest.h>

#include <set>

#include "service/loop_counters.h"

namespace introspectd::service {

TEST_CASE("outcomes: every row says what its status demands (SPEC 3)") {
  for (const OutcomeRow& row : outcome_table()) {
    CAPTURE(row.label);
    CHECK((row.status == 200) == row.error.empty());
    CHECK((row.status == 503) == row.retry_after);
    if (row.status == 502) CHECK(row.error == "bad_upstream");
    if (row.status == 503) CHECK(row.error == "temporarily_unavailable");
    if (row.status == 504) CHECK(row.error == "upstream_timeout");
    if (row.status == 401) CHECK(row.error == "invalid_client");
    if (row.status == 403) CHECK(row.error == "access_denied");
    CHECK((row.status >= 500) == (row.kind == OutcomeKind::kServerError));
  }
}

TEST_CASE("outcomes: no failure is a false (I18, PEERS 5)") {
  for (const OutcomeRow& row : outcome_table()) {
    if (row.kind == OutcomeKind::kFalse) CHECK(row.status == 200);
    if (row.status != 200) CHECK(row.kind != OutcomeKind::kFalse);
  }
}

TEST_CASE("outcomes: labels are unique, descriptions keep to their charset (STD 2.04, 9.12)") {
  std::set<std::string_view> labels;
  for (const OutcomeRow& row : outcome_table()) {
    CHECK(labels.insert(row.label).second);
    for (const char c : row.description) CHECK((c >= 0x20 && c <= 0x7e && c != '"' && c != '\\'));
  }
}

TEST_CASE("counters: every counter but the sum has one row, families stand together") {
  std::set<Counter> seen;
  std::set<std::string_view> ended;
  std::string_view family;
  for (const CounterRow& row : counter_table()) {
    CHECK(seen.insert(row.counter).second);
    CHECK(row.family.ends_with("_total"));
    if (row.family != family) CHECK(ended.insert(row.family).second);
    family = row.family;
  }
  CHECK(seen.size() == kCounters - 1);
  CHECK(seen.count(Counter::kLookups) == 0);
}

}  // namespace introspectd::service
