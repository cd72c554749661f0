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
    std::uint8_t residence = 0;
    std::uint32_t code = 0;
    JobId job{};
};

// They fit, so no write fails.
void write_head(ByteWriter& out, Type type, const Head& head) {
    (void)out.write(std::to_underlying(type));
    (void)out.write(head.detail);
    (void)out.write(head.residence);
    (void)out.write(std::uint8_t{0});
    (void)out.write(head.code);
    (void)out.write(std::to_underlying(head.job));
}

std::vector<std::byte> encode_short(Type type, JobId job) {
    ByteWriter out(kMessageSizeMax);
    write_head(out, type, {.job = job});
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
    SR_TRY(head.residence, in.read<std::uint8_t>());
    SR_TRY(const std::uint8_t reserved, in.read<std::uint8_t>());
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
    if (head.residence > std::to_underlying(Residence::absent))
        return refuse(EPROTO, "streamer: no residence {}", head.residence);
    order.residence = Residence{head.residence};
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
    SR_DO(expect_zero(head.residence));
    SR_DO(expect_zero(head.code));
    if (head.type == std::to_underlying(Type::promote)) return Order(PromoteOrder{head.job});
    if (head.type == std::to_underlying(Type::cancel)) return Order(CancelOrder{head.job});
    return refuse(EPROTO, "streamer: no order {}", head.type);
}

Result<Report> read_report(ByteReader& in, const Head& head) {
    constexpr std::uint32_t kCodeMax = 4095;  // The kernel's bound for errno values.
    if (head.type != std::to_underlying(Type::report) ||
        head.detail > std::to_underlying(Outcome::cancelled) || head.code > kCodeMax)
        return refuse(EPROTO, "streamer: no report {}", head.type);
    SR_DO(expect_zero(head.residence));
    Report report{head.job, Outcome{head.detail}, static_cast<int>(head.code)};
    SR_TRY(report.written_bytes, in.read<std::uint64_t>());
    SR_TRY(report.elapsed_ns, in.read<std::uint64_t>());
    return report;
}

template <class Message>
Result<std::vector<Message>> read_all(std::span<const std::byte> bytes,
                                      Result<Message> (*read)(ByteReader&, const Head&)) {
    ByteReader in(bytes);
    std::vector<Message> messages;
    do {
        SR_TRY(const Head head, read_head(in));
        SR_TRY(Message message, read(in, head));
        messages.push_back(std::move(message));
    } while (!in.empty());
    return messages;
}

}  // namespace

std::vector<std::byte> encode(const Order& order) {
    if (const auto* promote = std::get_if<PromoteOrder>(&order))
        return encode_short(Type::promote, promote->job);
    if (const auto* cancel = std::get_if<CancelOrder>(&order))
        return encode_short(Type::cancel, cancel->job);
    const auto& fill = std::get<FillOrder>(order);
    ByteWriter out(kMessageSizeMax);
    write_head(out, Type::fill,
               {.detail = std::to_underlying(fill.urgency),
                .residence = std::to_underlying(fill.residence),
                .job = fill.job});
    (void)out.write(fill.size_bytes);
    (void)out.write(std::uint64_t{0});
    (void)out.write_bytes(fill.digest.bytes);
    return std::move(out).take();
}

std::vector<std::byte> encode(const Report& report) {
    ByteWriter out(kMessageSizeMax);
    write_head(out, Type::report,
               {.detail = std::to_underlying(report.outcome),
                .code = static_cast<std::uint32_t>(report.code),
                .job = report.job});
    (void)out.write(report.written_bytes);
    (void)out.write(report.elapsed_ns);
    return std::move(out).take();
}

Result<std::vector<Order>> decode_orders(std::span<const std::byte> bytes) {
    return read_all<Order>(bytes, read_order);
}

Result<std::vector<Report>> decode_reports(std::span<const std::byte> bytes) {
    return read_all<Report>(bytes, read_report);
}

}  // namespace shardrun::streamer
