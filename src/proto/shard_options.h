#pragma once

#include "proto/shard_limits.h"

namespace shardrun::proto {

/// Those of ShardLimits, then:
///
/// | tag    | value | field           | bounds                                |
/// | 0x0201 | u8    | network         | 0 none, 1 isolated, 2 nat, 3 host     |
/// | 0x0202 | text  | seccomp_profile | 1..64 bytes                           |
/// | 0x0203 | text  | hostname        | 1..64 bytes                           |
/// | 0x0204 | u8    | user_namespace  | 0, 1                                  |
/// | 0x0205 | text  | capability      | 1..64 bytes, 0..64 times              |
/// | 0x0206 | text  | image           | 1..512 bytes                          |
template <class Fields>
void describe_shard_options(Fields& fields, Of<Fields, ShardOptions>& options) {
    describe_shard_limits(fields, options.limits);
    fields.optional(Tag::network, "network", options.network, {0, 3});
    fields.optional_text(Tag::seccomp_profile, "seccomp_profile", options.seccomp_profile,
                         {1, kSeccompProfileLengthMax});
    fields.optional_text(Tag::hostname, "hostname", options.hostname, {1, kHostnameLengthMax});
    fields.optional(Tag::user_namespace, "user_namespace", options.user_namespace);
    fields.texts(Tag::capability, "capability", options.capabilities, {0, kCapabilityCountMax},
                 {1, kCapabilityLengthMax});
    fields.optional_text(Tag::image, "image", options.image, {1, kImageLengthMax});
}

}  // namespace shardrun::proto
