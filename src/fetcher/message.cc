#include "fetcher/message.h"

#include <algorithm>
#include <utility>

#include "base/byte_cursor.h"
#include "base/fail.h"

namespace shardrun::fetcher {
namespace {

enum class Type : std::uint8_t { fetch = 1, promote, cancel, report };

struct Head {
    std::uint8_t type = 0;
    std::uint8_t detail = 0;
    std::uint16_t origin = 0;
    std::uint16_t code = 0;
    std::uint16_t http_status = 0;
    JobId job{};
};

// They fit, so no write fails.
void write_head(ByteWriter& out, const Head& head) {
    (void)out.write(head.type);
    (void)out.write(head.detail);
    (void)out.write(head.origin);
    (void)out.write(head.code);
    (void)out.write(head.http_status);
    (void)out.write(std::to_underlying(head.job));
}

std::vector<std::byte> encode_short(Type type, JobId job) {
    ByteWriter out(kOrderSizeMax);
    write_head(out, {.type = std::to_underlying(type), .job = job});
    return std::move(out).take();
}

Result<void> expect_zero(std::uint64_t value) {
    if (value != 0) return refuse(EPROTO, "fetcher: a reserved field is not 0");
    return {};
}

Result<Head> read_head(ByteReader& in) {
    Head head;
    SR_TRY(head.type, in.read<std::uint8_t>());
    SR_TRY(head.detail, in.read<std::uint8_t>());
    SR_TRY(head.origin, in.read<std::uint16_t>());
    SR_TRY(head.code, in.read<std::uint16_t>());
    SR_TRY(head.http_status, in.read<std::uint16_t>());
    SR_TRY(const std::uint64_t job, in.read<std::uint64_t>());
    head.job = JobId{job};
    return head;
}

Result<FetchOrder> read_fetch(ByteReader& in, const Head& head) {
    FetchOrder order;
    order.job = head.job;
    if (head.detail > std::to_underlying(Urgency::demand))
        return refuse(EPROTO, "fetcher: no urgency {}", head.detail);
    order.urgency = Urgency{head.detail};
    SR_TRY(order.size_bytes, in.read<std::uint64_t>());
    SR_TRY(order.size_max_bytes, in.read<std::uint64_t>());
    if (order.size_max_bytes > kFetchSizeMax || order.size_bytes > order.size_max_bytes)
        return refuse(EPROTO, "fetcher: {} bytes of at most {}", order.size_bytes,
                      order.size_max_bytes);
    SR_TRY(const std::span<const std::byte> digest, in.read_bytes(order.digest.bytes.size()));
    std::ranges::copy(digest, order.digest.bytes.begin());
    return order;
}

Result<Order> read_order(ByteReader& in, const Head& head) {
    SR_DO(expect_zero(head.origin));
    SR_DO(expect_zero(head.code));
    SR_DO(expect_zero(head.http_status));
    if (head.type == std::to_underlying(Type::fetch)) {
        SR_TRY(const FetchOrder order, read_fetch(in, head));
        return Order(order);
    }
    SR_DO(expect_zero(head.detail));
    if (head.type == std::to_underlying(Type::promote)) return Order(PromoteOrder{head.job});
    if (head.type == std::to_underlying(Type::cancel)) return Order(CancelOrder{head.job});
    return refuse(EPROTO, "fetcher: no order {}", head.type);
}

bool is_printable(char byte) {
    return byte >= ' ' && byte <= '~';
}

Result<std::string> read_reason(ByteReader& in) {
    SR_TRY(const std::uint16_t size, in.read<std::uint16_t>());
    SR_TRY(const std::uint16_t reserved, in.read<std::uint16_t>());
    SR_DO(expect_zero(reserved));
    if (size > kReasonSizeMax) return refuse(EPROTO, "fetcher: a reason of {} bytes", size);
    SR_TRY(const std::span<const std::byte> bytes, in.read_bytes(size));
    std::string reason(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    // It goes to logs and terminals.
    if (!std::ranges::all_of(reason, is_printable))
        return refuse(EPROTO, "fetcher: a reason that is not printable");
    return reason;
}

Result<Report> report_of(const Head& head) {
    constexpr std::uint16_t kCodeMax = 4095;   // The kernel's bound for errno values.
    constexpr std::uint16_t kStatusMax = 999;  // Three digits.
    if (head.type != std::to_underlying(Type::report) ||
        head.detail > std::to_underlying(Outcome::cancelled) || head.code > kCodeMax ||
        head.http_status > kStatusMax)
        return refuse(EPROTO, "fetcher: no report {}", head.type);
    return Report{.job = head.job,
                  .outcome = Outcome{head.detail},
                  .origin = head.origin,
                  .code = head.code,
                  .http_status = head.http_status};
}

}  // namespace

std::string printable(std::string_view text, std::size_t size_max) {
    constexpr std::string_view kCut = "...";
    std::string result(text.substr(0, size_max));
    std::ranges::replace_if(
        result, [](char byte) { return !is_printable(byte); }, '?');
    if (text.size() > size_max) result.replace(size_max - kCut.size(), kCut.size(), kCut);
    return result;
}

std::vector<std::byte> encode(const Order& order) {
    if (const auto* promote = std::get_if<PromoteOrder>(&order))
        return encode_short(Type::promote, promote->job);
    if (const auto* cancel = std::get_if<CancelOrder>(&order))
        return encode_short(Type::cancel, cancel->job);
    const auto& fetch = std::get<FetchOrder>(order);
    ByteWriter out(kOrderSizeMax);
    write_head(out, {.type = std::to_underlying(Type::fetch),
                     .detail = std::to_underlying(fetch.urgency),
                     .job = fetch.job});
    (void)out.write(fetch.size_bytes);
    (void)out.write(fetch.size_max_bytes);
    (void)out.write_bytes(fetch.digest.bytes);
    return std::move(out).take();
}

std::vector<std::byte> encode(const Report& report) {
    const std::string reason = printable(report.reason, kReasonSizeMax);
    ByteWriter out(kReportSizeMax);
    write_head(out, {.type = std::to_underlying(Type::report),
                     .detail = std::to_underlying(report.outcome),
                     .origin = report.origin,
                     .code = static_cast<std::uint16_t>(report.code),
                     .http_status = static_cast<std::uint16_t>(report.http_status),
                     .job = report.job});
    (void)out.write(report.size_bytes);
    (void)out.write(report.elapsed_ns);
    (void)out.write(report.attempts);
    (void)out.write(static_cast<std::uint16_t>(reason.size()));
    (void)out.write(std::uint16_t{0});
    (void)out.write_text(reason);
    return std::move(out).take();
}

Result<Order> decode_order(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    SR_TRY(const Head head, read_head(in));
    SR_TRY(const Order order, read_order(in, head));
    if (!in.empty()) return refuse(EPROTO, "fetcher: trailing bytes");
    return order;
}

Result<Report> decode_report(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    SR_TRY(const Head head, read_head(in));
    SR_TRY(Report report, report_of(head));
    SR_TRY(report.size_bytes, in.read<std::uint64_t>());
    SR_TRY(report.elapsed_ns, in.read<std::uint64_t>());
    SR_TRY(report.attempts, in.read<std::uint32_t>());
    SR_TRY(report.reason, read_reason(in));
    if (!in.empty()) return refuse(EPROTO, "fetcher: trailing bytes");
    return report;
}

}  // namespace shardrun::fetcher
