// What most files of every room include of the standard library, precompiled once a target where b_pch is set: in the
// sanitizer stages of ./dev test, whose compiler then saves a third to a half of its time. Nowhere else: g++ gains
// little by it, and somebody has to see that every file names what it uses. No header of src/ belongs here.
#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>
