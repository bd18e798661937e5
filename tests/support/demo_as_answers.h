// DemoAsAnswers: what the demo authorization server answers, without sockets.
// Threads: one at a time (DemoAs holds a lock).  Owns: tokens, faults, script, counts.  Errors: OAuth errors
// as answers. Cost: O(request).
#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "support/demo_as.h"

namespace introspectd::support {

// A ready response for one request, and how to send it.
using Answer = ScriptedReply;

std::string http_response(int status, std::string_view content_type, std::string_view body,
                          std::string_view extra_fields = "");

class DemoAsAnswers {
 public:
  DemoAsAnswers(std::string issuer, std::string node_secret, std::string app_secret);

  Answer answer(const DemoAsRequest& request, SteadyTime now);

  DemoAsTokens tokens;
  DemoAsFaults faults;
  DemoAsCounts counts;
  std::string node_secret;
  std::deque<ScriptedReply> script;
  std::unordered_map<std::string, std::uint64_t> introspected;
  DemoAsRequest last_introspection;

 private:
  Answer route(const DemoAsRequest& request, SteadyTime now);
  Answer introspect(const DemoAsRequest& request, SteadyTime now);
  Answer revoke(const DemoAsRequest& request, SteadyTime now);
  Answer issue(const DemoAsRequest& request);
  Answer mint(const DemoAsRequest& request);
  Answer knob(const DemoAsRequest& request);
  Answer stats() const;
  bool node_is_client(const DemoAsRequest& request) const;
  Answer refuse_client();

  std::string app_secret_;
};

}  // namespace introspectd::support
