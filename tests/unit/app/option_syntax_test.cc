#include "app/option_syntax.h"

#include <doctest/doctest.h>

namespace introspectd::app {

TEST_CASE("option_syntax: a duration is digits and one unit, nothing else (F3)") {
  CHECK(parse_duration("500ms") == 500'000'000);
  CHECK(parse_duration("0s") == 0);
  CHECK(parse_duration("30s") == 30'000'000'000);
  CHECK(parse_duration("10m") == 600'000'000'000);
  CHECK(parse_duration("2h") == 7'200'000'000'000);
  CHECK(parse_duration("1d") == 86'400'000'000'000);
  for (const char* wrong :
       {"", "5", "s", "-5s", "+5s", " 5s", "5 s", "5s ", "1.5s", "5sec", "5S", "1m30s", "0x5s", "5us"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_duration(wrong));
  }
}

TEST_CASE("option_syntax: a number that would overflow is no number (F3)") {
  CHECK(parse_duration("106751d") == 106751LL * 86'400'000'000'000LL);
  CHECK_FALSE(parse_duration("106752d"));
  CHECK_FALSE(parse_duration("99999999999999999999s"));
  CHECK(parse_size("8589934591GiB") == 8589934591LL << 30U);
  CHECK_FALSE(parse_size("8589934592GiB"));
}

TEST_CASE("option_syntax: a size has a binary unit (F3)") {
  CHECK(parse_size("64MiB") == 64LL << 20U);
  CHECK(parse_size("1KiB") == 1024);
  CHECK(parse_size("7B") == 7);
  for (const char* wrong : {"64", "64MB", "64M", "64 MiB", "-1MiB", "1.5GiB", "64mib"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_size(wrong));
  }
}

TEST_CASE("option_syntax: what is printed is read again as the same") {
  for (const char* text : {"1ms", "999ms", "1s", "90s", "1m", "61m", "1h", "25h", "1d"}) {
    const auto value = parse_duration(text);
    REQUIRE(value);
    CHECK(parse_duration(format_duration(*value)) == value);
  }
  CHECK(format_duration(0) == "0s");
  CHECK(format_duration(90'000'000'000) == "90s");
  CHECK(format_size(64LL << 20U) == "64MiB");
  CHECK(format_size(1025) == "1025B");
  CHECK(format_size(0) == "0B");
}

TEST_CASE("option_syntax: permissions are octal") {
  CHECK(parse_mode("0660") == 0660);
  CHECK(parse_mode("600") == 0600);
  CHECK(parse_mode("0777") == 0777);
  CHECK(format_mode(0660) == "0660");
  CHECK(format_mode(0) == "0000");
  for (const char* wrong : {"", "0", "66", "0668", "1660", "00660", "rw-", "-600", "06 0"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_mode(wrong));
  }
}

TEST_CASE("option_syntax: a TCP address is numeric with a port") {
  CHECK(parse_tcp_address("127.0.0.1:7662") == TcpAddress{"127.0.0.1", 7662});
  CHECK(parse_tcp_address("[::1]:65535") == TcpAddress{"::1", 65535});
  CHECK(parse_tcp_address("127.0.0.1:1") == TcpAddress{"127.0.0.1", 1});
  CHECK(format_tcp_address({"::1", 80}) == "[::1]:80");
  for (const char* wrong :
       {"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+80", "localhost:80",
        ":80", "::1:80", "[::1]", "[::1:80", "[127.0.0.1]:80", "127.0.0.1:80x", "127.1:80"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_tcp_address(wrong));
  }
}

TEST_CASE("option_syntax: loopback is 127.0.0.0/8 and ::1, and localhost in URLs (F4, F10)") {
  for (const char* inside : {"127.0.0.1", "127.255.255.255", "127.0.0.0", "::1", "0:0:0:0:0:0:0:1"}) {
    CAPTURE(inside);
    CHECK(is_loopback_address(inside));
    CHECK(is_loopback_host(inside));
  }
  for (const char* outside : {"126.255.255.255", "128.0.0.0", "0.0.0.0", "::", "::2", "10.0.0.1",
                              "::ffff:127.0.0.1", "127.1", ""}) {
    CAPTURE(outside);
    CHECK_FALSE(is_loopback_address(outside));
  }
  CHECK_FALSE(is_loopback_address("localhost"));
  CHECK(is_loopback_host("localhost"));
  CHECK_FALSE(is_loopback_host("localhost.example.com"));
  CHECK_FALSE(is_loopback_host("127.0.0.1.example.com"));
}

TEST_CASE("option_syntax: a URL is http or https with a host, and hides nothing (F4)") {
  const auto plain = parse_url("https://as.example.com/oauth2/introspect?tenant=1");
  REQUIRE(plain);
  CHECK(plain->is_https);
  CHECK(plain->host == "as.example.com");
  const auto v6 = parse_url("http://[::1]:4000/introspect");
  REQUIRE(v6);
  CHECK_FALSE(v6->is_https);
  CHECK(v6->host == "::1");
  CHECK(parse_url("https://h"));
  CHECK(parse_url("https://h:65535/"));
  for (const char* wrong : {"",
                            "as.example.com",
                            "ftp://h/",
                            "HTTPS://h/",
                            "https:///path",
                            "https://",
                            "https://user:pass@h/",
                            "https://user@h/",
                            "https://h/#part",
                            "https://h/a b",
                            "https://h/\n",
                            "https://h:0/",
                            "https://h:65536/",
                            "https://h:x/",
                            "https://h:/",
                            "https://[::1/",
                            "https://[nonsense]/",
                            "https://h\\@evil/",
                            "https://h\x80/",
                            "http://127.0.0.1@evil.example/"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_url(wrong));
  }
}

TEST_CASE("option_syntax: a quoted text cannot move a terminal or end its line") {
  CHECK(quote("plain é") == "\"plain é\"");
  CHECK(quote("a\"b\\c") == "\"a\\\"b\\\\c\"");
  CHECK(quote("\x1b[2J\n") == "\"\\u001b[2J\\u000a\"");
  CHECK(quote("\xc2\x9b\xc2\xa0\xc2z\xc2") == "\"\\u009b\xc2\xa0\xc2z\xc2\"");
}

}  // namespace introspectd::app
