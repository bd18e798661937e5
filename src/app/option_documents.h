// Option documents: what people read about the options, generated from the table: the conf file, the README's
// table, the listing of --help. A test compares each with what stands in the repository. Threads: any.  Owns:
// nothing.  Errors: none.  Cost: some kilobytes of text.
#pragma once

#include <string>
#include <string_view>

namespace introspectd::app {

// conf/introspectd.conf: every option with its sentence; defaults commented out, examples not.
std::string documented_conf();
// The README's table, between its markers, without them.
std::string options_markdown();
// The listing of --help.
std::string options_help();

// `text` between `<!-- options -->` and `<!-- /options -->`; empty when a marker is missing.
std::string_view between_option_markers(std::string_view text) noexcept;

}  // namespace introspectd::app
