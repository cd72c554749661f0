#include "streamer/message.h"

#include <algorithm>
#include <utility>

#include "base/byte_cursor.h"
#include "base/fail.h"

namespace shardrun::streamer {
namespace {

enum class Type : std::uint8_t { fill = 1, promote, cancel, report };

struct Head {
    std::uint8_t type = 0;
    std::uint8_t detail = 0;
    std::uint32_t code = 0;
    JobId job{};
};

// They fit, so no write fails.
void write_head(ByteWriter& out, Type type, std::uint8_t detail, std::uint32_t code, JobId job) {
    (void)out.write(std::to_underlying(type));
    (void)out.write(detail);
    (void)out.write(std::uint16_t{0});
    (void)out.write(code);
    (void)out.write(std::to_underlying(job));
}

std::vector<std::byte> encode_short(Type type, JobId job) {
    ByteWriter out(kMessageSizeMax);
    write_head(out, type, 0, 0, job);
    return std::move(out).take();
}

Result<void> expect_zero(std::uint64_t value) {
    if (value != 0) return refuse(EPROTO, "streamer: a reserved field is not 0");
    return {};
}

Result<Head> read_head(ByteReader& in) {
    Head head;
    SR_TRY(head.type, in.read<std::uint8_t>());
    SR_TRY(head.detail, in.read<std::uint8_t>());
    SR_TRY(const std::uint16_t reserved, in.read<std::uint16_t>());
    SR_DO(expect_zero(reserved));
    SR_TRY(head.code, in.read<std::uint32_t>());
    SR_TRY(const std::uint64_t job, in.read<std::uint64_t>());
    head.job = JobId{job};
    return head;
}

Result<FillOrder> read_fill(ByteReader& in, const Head& head) {
    FillOrder order;
    order.job = head.job;
    if (head.detail > std::to_underlying(Urgency::demand))
        return refuse(EPROTO, "streamer: no urgency {}", head.detail);
    order.urgency = Urgency{head.detail};
    SR_DO(expect_zero(head.code));
    SR_TRY(order.size_bytes, in.read<std::uint64_t>());
    if (order.size_bytes > kFillSizeMax)
        return refuse(EPROTO, "streamer: {} bytes are more than any file has", order.size_bytes);
    SR_TRY(const std::uint64_t reserved, in.read<std::uint64_t>());
    SR_DO(expect_zero(reserved));
    SR_TRY(const std::span<const std::byte> digest, in.read_bytes(order.digest.bytes.size()));
    std::ranges::copy(digest, order.digest.bytes.begin());
    return order;
}

Result<Order> read_order(ByteReader& in, const Head& head) {
    if (head.type == std::to_underlying(Type::fill)) {
        SR_TRY(const FillOrder order, read_fill(in, head));
        return Order(order);
    }
    SR_DO(expect_zero(head.detail));
    SR_DO(expect_zero(head.code));
    if (head.type == std::to_underlying(Type::promote)) return Order(PromoteOrder{head.job});
    if (head.type == std::to_underlying(Type::cancel)) return Order(CancelOrder{head.job});
    return refuse(EPROTO, "streamer: no order {}", head.type);
}

}  // namespace

std::vector<std::byte> encode(const Order& order) {
    if (const auto* promote = std::get_if<PromoteOrder>(&order))
        return encode_short(Type::promote, promote->job);
    if (const auto* cancel = std::get_if<CancelOrder>(&order))
        return encode_short(Type::cancel, cancel->job);
    const auto& fill = std::get<FillOrder>(order);
    ByteWriter out(kMessageSizeMax);
    write_head(out, Type::fill, std::to_underlying(fill.urgency), 0, fill.job);
    (void)out.write(fill.size_bytes);
    (void)out.write(std::uint64_t{0});
    (void)out.write_bytes(fill.digest.bytes);
    return std::move(out).take();
}

std::vector<std::byte> encode(const Report& report) {
    ByteWriter out(kMessageSizeMax);
    write_head(out, Type::report, std::to_underlying(report.outcome),
               static_cast<std::uint32_t>(report.code), report.job);
    (void)out.write(report.written_bytes);
    (void)out.write(report.elapsed_ns);
    return std::move(out).take();
}

Result<Order> decode_order(std::span<const std::byte> bytes) {
    ByteReader in(bytes);
    SR_TRY(const Head head, read_head(in));
    SR_TRY(const Order order, read_order(in, head));
    if (!in.empty()) return refuse(EPROTO, "streamer: trailing bytes");
    return order;
}

Result<Report> decode_report(std::span<const std::byte> bytes) {
    constexpr std::uint32_t kCodeMax = 4095;  // The kernel's bound for errno values.
    ByteReader in(bytes);
    SR_TRY(const Head head, read_head(in));
    if (head.type != std::to_underlying(Type::report) ||
        head.detail > std::to_underlying(Outcome::cancelled) || head.code > kCodeMax)
        return refuse(EPROTO, "streamer: no report {}", head.type);
    Report report{head.job, Outcome{head.detail}, static_cast<int>(head.code)};
    SR_TRY(report.written_bytes, in.read<std::uint64_t>());
    SR_TRY(report.elapsed_ns, in.read<std::uint64_t>());
    if (!in.empty()) return refuse(EPROTO, "streamer: trailing bytes");
    return report;
}

}  // namespace shardrun::streamer
