#pragma once

#include <string_view>

#include "policy/permission.h"
#include "shardrun/error.h"

/// What clients may write for things in the store, judged before anybody looks for them. Pure.
namespace shardrun::policy {

/// The name of an image or a blob: 1 to 200 letters, digits and ._:/@+- of which the first is none
/// of ./-, as the store has them. `field` begins the sentence. Errors: EINVAL.
Result<void> check_store_name(std::string_view field, std::string_view name);

/// A file's path in the tree of an image: absolute, at most 4096 bytes, without NUL and without
/// components "." and "..". Errors: EINVAL.
Result<void> check_tree_path(std::string_view path);

/// "sha256:" and 64 small hexadecimal digits, or the digits alone.
bool is_digest(std::string_view name);

/// Whether a uid may have this blob, which may be told by its digest. Errors: EINVAL for the form;
/// EACCES for the digest.
Result<void> check_blob(const Grant& grant, std::string_view name);

}  // namespace shardrun::policy
