#pragma once

#include "shard/zygote/protocol.h"
#include "shard/zygote/raw.h"

namespace shardrun::shard::zygote {

/// True when `result` is not an error; otherwise notes the step, the errno and the object it was
/// tried on.
bool succeeded(long result, Failure& failure, Step step, const char* object = "");

/// The process reads orders and sends reports here; small enough for one datagram each.
struct Received {
    long size = 0;  ///< 0: the peer is gone; negative: errno
    int fds[8] = {};
    unsigned fd_count = 0;
};

/// One datagram into `buffer`, with its descriptors (close-on-exec). `flags` as for recvmsg(2).
Received receive_datagram(int socket, void* buffer, std::size_t size, int flags = 0);

/// One datagram with at most one descriptor (-1: none).
long send_datagram(int socket, const void* data, std::size_t size, int fd = -1);

std::size_t text_size(const char* text);
bool is_same_text(const char* a, const char* b);

/// Walks the entries of a received plan. Bounds were checked by check_plan.
class PlanWalk {
 public:
    PlanWalk(const char* bytes, std::size_t size) : at_(bytes), end_(bytes + size) {}
    bool next();
    const PlanEntry& entry() const { return *reinterpret_cast<const PlanEntry*>(current_); }
    const char* path() const { return current_ + sizeof(PlanEntry); }
    const char* argument() const { return path() + entry().path_size; }

 private:
    const char* at_;
    const char* end_;
    const char* current_ = nullptr;
};

/// Mount flags of open_tree/mount_setattr on a path below the current directory.
bool attach(int tree, const char* target, Failure& failure);
int clone_tree(const char* source, bool recursive, Failure& failure);
bool restrict_tree(int tree, unsigned long attributes, bool recursive, const char* object,
                   Failure& failure);

/// Makes a detached tmpfs or other file system; key=value pairs, ended by nullptr. Negative errno
/// on failure.
struct FsOption {
    const char* key;
    const char* value;
};
long make_mount(const char* type, const FsOption* options, std::size_t option_count,
                unsigned long attributes);

/// Decimal digits of `value` into `buffer` (at least 21 bytes); returns the start.
const char* decimal(std::uint64_t value, char (&buffer)[24]);

}  // namespace shardrun::shard::zygote
