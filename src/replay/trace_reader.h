#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "policy/eviction/object_table.h"
#include "replay/line_reader.h"
#include "replay/object_names.h"

namespace shardrun::replay {

inline constexpr std::size_t kNameSizeMax = 255;
/// As many as a cache can tell apart.
inline constexpr std::size_t kObjectsMax = policy::kNoSlot;

/// One line of a trace.
struct TraceRequest {
    double time = 0;
    std::string_view client;    ///< valid until the next request
    policy::ObjectId object{};  ///< numbered from 0 in the order in which they come
    std::uint64_t size_bytes = 0;
};

/// Reads a trace of requests:
///
///     time,client,object,size      this header
///     0.25,7,libc.so.6,1922136     one line for each request
///
/// | time   | a number of seconds or of requests, with or without a fraction; it never decreases |
/// | client | who asks: 1 to 255 printable characters without '"'                                |
/// | object | what is asked for: the same                                                        |
/// | size   | of the whole object in bytes, 0 to 2^63 - 1; an object never has another one        |
///
/// Memory grows with the number of distinct objects, not with that of requests.
class TraceReader {
 public:
    /// `source` must outlive it; `name` is what refusals call the trace.
    TraceReader(ByteSource& source, std::string name);

    /// None at the end. Errors: those of the source; EINVAL and others for whatever is not as
    /// above, as "NAME:LINE:COLUMN: …"; after an error there is no next.
    Result<std::optional<TraceRequest>> next();

    const ObjectNames& objects() const { return objects_; }

 private:
    struct Fields {
        std::string_view time;
        std::string_view client;
        std::string_view object;
        std::string_view size;
    };

    Result<std::optional<std::string_view>> read_line();
    Result<void> read_header();
    Result<Fields> split(std::string_view line) const;
    Result<void> check_name(std::string_view what, std::string_view name) const;
    Result<double> parse_time(std::string_view text) const;
    Result<std::uint64_t> parse_size(std::string_view text) const;
    Result<policy::ObjectId> number_object(const Fields& fields, std::uint64_t size_bytes);
    std::unexpected<Error> refuse_at(std::string_view place, int code,
                                     std::string_view reason) const;

    std::string name_;
    LineReader lines_;
    std::string_view line_;
    ObjectNames objects_;
    double time_ = 0;
    std::uint64_t asked_bytes_ = 0;
    bool has_header_ = false;
};

}  // namespace shardrun::replay
