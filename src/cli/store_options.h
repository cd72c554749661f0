#pragma once

#include <optional>
#include <string>

#include "blob/catalogue.h"
#include "blob/store.h"
#include "cli/option_parser.h"

namespace shardrun::cli {

/// What all commands on the store have in common.
struct StoreOptions {
    std::optional<std::string> store;
    bool wants_json = false;
};

void bind_store(OptionParser& parser, StoreOptions& options);
void bind_json(OptionParser& parser, StoreOptions& options);

enum class Missing { make, refuse };

/// The store that is meant. Errors: EACCES says who may.
Result<blob::Store> open_store(const StoreOptions& options, Missing when_missing);

/// Its catalogue; says on standard error what had to be mended.
Result<blob::Catalogue> open_index(const blob::Store& store);

/// By name or digest.
Result<blob::Digest> find_blob(const blob::Store& store, const std::string& name_or_digest);

/// The names of images whose manifest is one of these.
Result<std::vector<std::string>> image_names(const blob::Store& store,
                                             const std::vector<blob::Digest>& manifests);

/// Removes what nothing needs, from the store and then from its catalogue. `only`: of these alone.
Result<blob::Store::SweepReport> sweep(const blob::Store& store, const blob::DigestSet* only,
                                       bool is_dry);

}  // namespace shardrun::cli
