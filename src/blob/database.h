#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/fail.h"
#include "shardrun/error.h"

struct sqlite3;
struct sqlite3_stmt;

namespace shardrun::blob {

/// One prepared statement. Columns and parameters count from 0. Short-lived: it must end before its
/// Database.
class Statement {
 public:
    Statement& bind(std::int64_t value);
    Statement& bind(std::string_view text);
    Statement& bind(std::span<const std::byte> bytes);

    /// To the next row; false: there is none. Errors: as Database has them.
    Result<bool> step();
    /// For statements without rows.
    Result<void> run();
    /// Ready for other parameters.
    void reset();

    std::int64_t integer(int column) const;
    bool is_null(int column) const;
    std::string text(int column) const;
    std::span<const std::byte> bytes(int column) const;

 private:
    friend class Database;
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const;
    };
    Statement(sqlite3* database, sqlite3_stmt* statement)
        : database_(database), statement_(statement) {}

    sqlite3* database_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int next_parameter_ = 1;
    int bind_result_ = 0;
};

/// An SQLite database file in WAL mode. Errors: EUCLEAN when the file is damaged, EBUSY when others
/// hold it for too long, ENOSPC, EIO, EACCES.
class Database {
 public:
    static Result<Database> open(const std::string& path);

    Result<Statement> prepare(std::string_view sql) const;
    /// Statements without parameters and rows.
    Result<void> execute(const std::string& sql) const;
    /// The one number of the first row.
    Result<std::int64_t> query_integer(std::string_view sql) const;

    /// Runs `work` in one transaction; its error undoes all of it.
    template <class Work>
    Result<void> in_transaction(const Work& work) const {
        SR_DO(execute("BEGIN IMMEDIATE"));
        Result<void> done = work();
        if (done) return execute("COMMIT");
        (void)execute("ROLLBACK");  // The first error is the one that counts.
        return done;
    }

 private:
    struct Close {
        void operator()(sqlite3* database) const;
    };
    explicit Database(sqlite3* database) : database_(database) {}

    std::unique_ptr<sqlite3, Close> database_;
};

}  // namespace shardrun::blob
