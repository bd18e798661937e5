// ParseOutcome: what came of a stream of bytes, as text, so that two ways of feeding it can be compared (I26).
// Threads: any.  Owns: copies.  Errors: none.  Cost: as many parses as there are cuts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_parser.h"

namespace introspectd::http {

// `error 400 text`, `more`, or the message: method, path, query, flags, fields, body and how much of it was consumed;
// led by `continue, ` where 100 was told.
std::string outcome(std::string_view bytes, const std::vector<std::size_t>& cuts, const ParserLimits& limits = {});
// Fed whole; fails the running test when any cut in two, or bytes one by one, come out otherwise.
std::string outcome_of(std::string_view bytes, const ParserLimits& limits = {});
// The status of the reply that the parser asks for, 200 for a message, 0 while it wants more.
int status_of(std::string_view bytes, const ParserLimits& limits = {});

// `POST /introspect HTTP/1.1`, Host, the fields as given, the body behind them.
std::string post(std::string_view fields, std::string_view body = {});

}  // namespace introspectd::http
