#pragma once

#include <string_view>

#include "shardrun/error.h"

namespace shardrun::cli {

/// Writes all of it to standard output. Errors: EPIPE, ENOSPC: a listing that was cut short must
/// not look like success.
Result<void> print(std::string_view text);

/// "shardrun: SENTENCE" to standard error.
void complain(std::string_view sentence);

/// Whether standard output is read by a person.
bool is_for_people();

}  // namespace shardrun::cli
