#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "fetcher/fetcher_process.h"
#include "support/temp_dir.h"

namespace shardrun::test {

using Bytes = std::vector<std::byte>;

Bytes noise(std::size_t size, std::uint64_t seed);
std::string text_of(const Bytes& bytes);

template <class T>
T must(Result<T> result) {
    if (!result) FAIL(result.error().message);
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// Options with which nothing takes long: three attempts, pauses of a millisecond or so.
fetcher::FetchOptions quick(const std::vector<std::string>& origins);

/// Writes a blob where an origin's directory has it.
enum class Layout { store, oci };
void put_blob(const std::string& directory, const Bytes& named_by, const Bytes& contents,
              Layout layout = Layout::store);

/// A fetcher of our own, with files in memory.
class FetchWorld {
 public:
    explicit FetchWorld(const fetcher::FetchOptions& options, std::size_t jobs_max = 256,
                        uid_t uid = 0);

    fetcher::FetcherProcess& process() { return *process_; }

    /// The job is numbered. Its file stays readable by bytes_of().
    fetcher::JobId begin(fetcher::FetchOrder order);
    fetcher::Report await(fetcher::JobId job);
    fetcher::Report fetch(const fetcher::FetchOrder& order) { return await(begin(order)); }
    bool has_ended(fetcher::JobId job) const { return reports_.contains(job); }
    Bytes bytes_of(fetcher::JobId job) const;

    /// Fetches these bytes, of known or unknown size, and says whether they came.
    fetcher::Report fetch_bytes(const Bytes& bytes, bool is_size_known = true);

 private:
    std::unique_ptr<fetcher::FetcherProcess> process_;
    std::map<fetcher::JobId, fetcher::Report> reports_;
    std::map<fetcher::JobId, UniqueFd> files_;
    std::uint64_t jobs_ = 0;
};

fetcher::FetchOrder order_for(const Bytes& bytes, bool is_size_known = true,
                              fetcher::Urgency urgency = fetcher::Urgency::demand);

}  // namespace shardrun::test
