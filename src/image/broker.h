#pragma once

#include <cstddef>

#include "shardrun/error.h"

namespace shardrun::image {

/// Opens files below a directory for the importer, which may open nothing itself: it asks with a
/// path, "/" for the directory itself and "/PATH" for what is below, and gets a descriptor, or an
/// errno value. A regular file or a directory comes open for reading, everything else as O_PATH,
/// fit to be looked at only. No answer leads out of the directory or through a symbolic link.
/// Source: openat2(2).
///
/// The answer also has the extended attributes that images keep, for those of a file that others
/// may not read are read by its owner and root only: u32 errno value, then for each attribute u8
/// size, name, u32 size, value.
inline constexpr std::size_t kBrokerAnswerMax = std::size_t{160} * 1024;

class Broker {
 public:
    /// Both stay the caller's: `socket` of SOCK_SEQPACKET, `root` a directory or -1 for none.
    Broker(int socket, int root) : socket_(socket), root_(root) {}

    /// Answers one question. False: the importer has ended. Errors: EPROTO for what is no question.
    Result<bool> answer();

 private:
    int socket_;
    int root_;
};

}  // namespace shardrun::image
