#pragma once

#include "cli/option_parser.h"

/// The words behind `shardrun image`. Each does it all and gives the exit status.
namespace shardrun::cli {

int image_import_command(const Arguments& arguments);
int image_list_command(const Arguments& arguments);
int image_inspect_command(const Arguments& arguments);
int image_export_command(const Arguments& arguments);
int image_remove_command(const Arguments& arguments);
int image_verify_command(const Arguments& arguments);
int image_gc_command(const Arguments& arguments);

}  // namespace shardrun::cli
