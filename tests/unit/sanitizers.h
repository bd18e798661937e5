// sanitizers: which sanitizer this build has, whichever compiler it is; g++ and clang say so in different ways.
#pragma once

#if defined(__SANITIZE_ADDRESS__)
#define INTROSPECTD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INTROSPECTD_ASAN 1
#endif
#endif
#ifndef INTROSPECTD_ASAN
#define INTROSPECTD_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define INTROSPECTD_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define INTROSPECTD_TSAN 1
#endif
#endif
#ifndef INTROSPECTD_TSAN
#define INTROSPECTD_TSAN 0
#endif
