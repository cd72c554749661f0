#pragma once

#include <curl/curl.h>

#include <string>

#include "fetcher/fetch_plan.h"

namespace shardrun::fetcher {

/// What an answer with another status than 200 and 206 means. Pure.
AttemptEnd end_of_status(unsigned status, std::chrono::seconds retry_after);

/// What libcurl's failure means: what may pass by itself is temporary. `os_errno` 0: none; `detail`
/// is libcurl's sentence, or empty. Pure.
AttemptEnd end_of_transport(CURLcode code, int os_errno, const std::string& detail);

}  // namespace shardrun::fetcher
