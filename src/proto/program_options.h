#pragma once

#include "proto/field.h"
#include "proto/limits.h"
#include "proto/tag.h"
#include "shardrun/messages.h"

namespace shardrun::proto {

/// `wants_pidfd` is a fixed field of Run, in front of these.
///
/// | tag    | value            | field       | bounds                              |
/// | 0x0301 | text             | argument    | 0..131071 bytes, 1..32768 times     |
/// | 0x0302 | text             | environment | 0..131071 bytes, 0..32768 times     |
/// | 0x0303 | text             | cwd         | 1..4095 bytes                       |
/// | 0x0304 | u16 rows, columns| terminal    |                                     |
template <class Fields>
void describe_program_options(Fields& fields, Of<Fields, ProgramOptions>& program) {
    fields.texts(Tag::argument, "argument", program.argv, {1, kArgumentCountMax},
                 {0, kArgumentLengthMax});
    fields.texts(Tag::environment, "environment", program.env, {0, kEnvironmentCountMax},
                 {0, kArgumentLengthMax});
    fields.optional_text(Tag::cwd, "cwd", program.cwd, {1, kPathLengthMax});
    fields.record(Tag::terminal, "terminal", program.terminal, [](auto& inner, auto& size) {
        inner.number("rows", size.rows);
        inner.number("columns", size.columns);
    });
}

}  // namespace shardrun::proto
