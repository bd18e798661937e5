#include "io/redis_reply.h"

#include <hiredis/read.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace introspectd::io {

// A child is appended to its parent at once; the parent's place does not move meanwhile, as its own parent only grows
// when it is complete.
struct RedisReplyReader::Build {
  static RedisReply* add(const redisReadTask* task, RedisReply::Kind kind) noexcept {
    auto* const self = static_cast<RedisReplyReader*>(task->privdata);
    if (++self->elements_ > kElementsMost) {
      self->too_large_ = true;
      return nullptr;  // hiredis gives up with an error
    }
    RedisReply* reply = nullptr;
    if (task->parent == nullptr) {
      reply = std::make_unique<RedisReply>().release();  // freed by `release`, or taken by next()
    } else {
      reply = &static_cast<RedisReply*>(task->parent->obj)->elements.emplace_back();
    }
    reply->kind = kind;
    return reply;
  }
  static void* text(const redisReadTask* task, char* bytes, std::size_t size) noexcept {
    const RedisReply::Kind kind = task->type == REDIS_REPLY_ERROR    ? RedisReply::Kind::kError
                                  : task->type == REDIS_REPLY_STATUS ? RedisReply::Kind::kStatus
                                                                     : RedisReply::Kind::kString;
    RedisReply* const reply = add(task, kind);
    if (reply != nullptr) reply->text.assign(bytes, size);
    return reply;
  }
  static void* array(const redisReadTask* task, int size) noexcept {
    auto* const self = static_cast<RedisReplyReader*>(task->privdata);
    // Announced already: nothing is gained by waiting for the elements.
    if (size < 0 || static_cast<std::size_t>(size) > kElementsMost - std::min(self->elements_, kElementsMost)) {
      self->too_large_ = true;
      return nullptr;
    }
    return add(task, RedisReply::Kind::kArray);
  }
  static void* integer(const redisReadTask* task, long long value) noexcept {
    RedisReply* const reply = add(task, RedisReply::Kind::kInteger);
    if (reply != nullptr) reply->integer = value;
    return reply;
  }
  static void* nil(const redisReadTask* task) noexcept { return add(task, RedisReply::Kind::kNil); }
  static void release(void* root) noexcept { const std::unique_ptr<RedisReply> owned(static_cast<RedisReply*>(root)); }

  static redisReplyObjectFunctions* functions() {
    static const redisReplyObjectFunctions kFunctions{&text, &array, &integer, &nil, &release};
    return const_cast<redisReplyObjectFunctions*>(&kFunctions);  // hiredis reads it only
  }
};

RedisReplyReader::RedisReplyReader()
    : reader_(redisReaderCreateWithFunctions(Build::functions()), &redisReaderFree) {
  CHECK_INVARIANT(reader_ != nullptr);
  reader_->privdata = this;
}

RedisReplyReader::~RedisReplyReader() = default;

void RedisReplyReader::feed(std::string_view bytes) {
  if (too_large_ || reader_->err != 0) return;
  unread_ += bytes.size();
  CHECK_INVARIANT(redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) == REDIS_OK);
}

RedisReplyReader::Status RedisReplyReader::next(RedisReply& reply) {
  void* root = nullptr;
  const int outcome = too_large_ ? REDIS_ERR : redisReaderGetReply(reader_.get(), &root);
  const std::unique_ptr<RedisReply> owned(static_cast<RedisReply*>(root));
  if (outcome != REDIS_OK) return too_large_ ? Status::kTooLarge : Status::kMalformed;
  const std::size_t left = owned == nullptr ? 0 : reader_->len - reader_->pos;
  if (unread_ - left > kReplyBytesMost) {
    too_large_ = true;
    return Status::kTooLarge;
  }
  if (owned == nullptr) return Status::kNeedMore;
  elements_ = 0;
  unread_ = left;
  reply = std::move(*owned);
  return Status::kReply;
}

std::string_view redis_error_code(const RedisReply& error) {
  const std::string_view text = error.text;
  const std::string_view code = text.substr(0, text.find(' '));
  const bool is_code = !code.empty() && code.size() <= 32 &&
                       std::all_of(code.begin(), code.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  return is_code ? code : "?";
}

}  // namespace introspectd::io
