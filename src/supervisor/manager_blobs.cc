#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/fail.h"
#include "policy/store_name.h"
#include "proto/limits.h"
#include "supervisor/manager_state.h"

/// Blobs and the files of images: what is asked of them, what became of them, and who is told.
namespace shardrun::supervisor {

namespace {

PrefetchResponse response_of(ShardId shard, const shard::BlobReport& report) {
    PrefetchResponse response;
    response.shard = shard;
    response.outcome = report.error ? BlobOutcome::failed : report.outcome;
    // A path may be longer than the wire's names.
    response.name = report.name.substr(0, proto::kBlobNameLengthMax);
    response.digest = report.digest;
    response.elapsed_us = static_cast<std::uint64_t>(std::max(report.elapsed.count(), 0L));
    if (response.outcome != BlobOutcome::failed) response.size_bytes = report.size_bytes;
    if (report.error) response.reason = report.error->message.substr(0, proto::kSentenceLengthMax);
    return response;
}

}  // namespace

Result<void> Manager::State::ask(ClientRecord& client, Asker asker, ResourceRequest::Blob& blob) {
    SR_DO(check_no_drain());
    SR_DO(policy::check_blob(grant(client.peer.uid), blob.name));
    SR_DO(take_inflight(client));
    await_blob(client, nullptr, {asker, ShardId{}, false, std::move(blob.name)});
    return {};
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker, ResourceAccess& access) {
    SR_TRY(ShardRecord * shard, find_living(client, access.shard));
    SR_DO(policy::check_blob(grant(client.peer.uid), access.name));
    SR_DO(take_inflight(client));
    await_blob(client, shard, {asker, shard->id(), false, std::move(access.name)});
    return {};
}

Result<void> Manager::State::ask(ClientRecord& client, Asker asker, PrefetchRequest& hint) {
    SR_TRY(ShardRecord * shard, find_living(client, hint.shard));
    SR_DO(hint.name.starts_with('/') ? policy::check_tree_path(hint.name)
                                     : policy::check_blob(grant(client.peer.uid), hint.name));
    SR_DO(take_hint(client, hint.name.size()));
    await_blob(client, shard, {asker, shard->id(), true, std::move(hint.name)});
    return {};
}

Result<void> Manager::State::take_hint(ClientRecord& client, std::size_t name_bytes) {
    if (client.hints >= kHintsMax)
        return refuse(EAGAIN,
                      "hints: {} of this connection are in work, {} may be; wait for answers first",
                      client.hints, kHintsMax);
    if (client.hint_bytes + name_bytes > kHintBytesMax)
        return refuse(
            EAGAIN,
            "hints: the names of those in work have {} bytes, {} may be; wait for answers "
            "first",
            client.hint_bytes, kHintBytesMax);
    ++client.hints;
    client.hint_bytes += name_bytes;
    return {};
}

void Manager::State::await_blob(ClientRecord& client, ShardRecord* shard, BlobRequest request) {
    const std::uint64_t id = ++last_blob;
    client.blobs.insert(id);
    if (shard != nullptr) shard->blobs.insert(id);
    blobs.emplace(id, std::move(request));
    // In one that is not there yet nothing can be put; it is begun when the shard is ready.
    if (shard == nullptr || shard->is_prepared) begin_blob(id);
}

void Manager::State::begin_blob(std::uint64_t id) {
    const BlobRequest& request = blobs.at(id);
    if (request.shard == ShardId{})
        actions.emplace_back(OpenBlob{id, request.name});
    else if (request.name.starts_with('/'))
        actions.emplace_back(PrefetchFile{request.shard, id, request.name});
    else
        actions.emplace_back(LoadBlob{request.shard, id, request.name});
}

BlobRequest Manager::State::take_blob(std::uint64_t id) {
    BlobRequest request = std::move(blobs.at(id));
    blobs.erase(id);
    if (ShardRecord* shard = find_record(request.shard)) shard->blobs.erase(id);
    ClientRecord& client = clients.at(request.asker.client);
    client.blobs.erase(id);
    if (request.is_hint) {
        --client.hints;
        client.hint_bytes -= request.name.size();
    } else {
        --client.inflight;
    }
    return request;
}

/// What the backend still reports of them is nobody's any more.
void Manager::State::refuse_blobs(std::set<std::uint64_t>& asked, const Error& why) {
    while (!asked.empty()) {
        BlobRequest request = take_blob(*asked.begin());  // Which leaves `asked` by that.
        PrefetchResponse failed;
        failed.shard = request.shard;
        failed.name = std::move(request.name);
        failed.reason = why.message;
        reply(request.asker, std::move(failed));
    }
}

void Manager::State::on(BlobReported& event) {
    Fds fds;
    if (event.report.fd) fds.push_back(*event.report.fd);
    if (!blobs.contains(event.request)) return discard(fds);
    BlobRequest request = take_blob(event.request);
    event.report.name = std::move(request.name);
    reply(request.asker, response_of(request.shard, event.report), std::move(fds));
}

/// Costs nothing while nobody watches: files are opened by the thousand.
void Manager::State::on(FileUsed& event) {
    if (watchers.empty()) return;
    const auto found = slices.find(event.slice);
    const SliceRecord* slice = found == slices.end() ? nullptr : &found->second;
    // A tree that is no client's, or no more, is root's and the administrators' to watch.
    const uid_t owner = slice == nullptr ? 0 : slice->uid;
    ShardId shard = event.shard;
    if (shard == ShardId{} && slice != nullptr) shard = only_living(*slice);
    const PrefetchResponse used = response_of(shard, event.report);
    for (const ClientId id : watchers) {
        const ClientRecord& client = clients.at(id);
        if (may_act_on(grant(client.peer.uid), owner))
            tell(Asker{id, client.prefetch.value_or(0)}, used);
    }
}

ShardId Manager::State::only_living(const SliceRecord& slice) const {
    if (slice.living != 1) return {};
    for (const ShardId id : slice.shards) {
        const ShardRecord& shard = shards.at(id);
        if (!shard.is_parked && !shard.is_destroying) return id;
    }
    return {};
}

}  // namespace shardrun::supervisor
