"""Those behaviours of tests/unit/store/test_engine.py that are every database's, on PostgreSQL."""

from tests.unit.store import test_engine as on_sqlite

test_a_statement_that_fails = on_sqlite.test_a_statement_that_fails_is_told_without_its_parameters
test_a_read_that_fails = on_sqlite.test_a_read_that_fails_is_told_as_the_stores_failure
test_a_failed_transaction = on_sqlite.test_what_was_done_before_a_failure_in_the_same_transaction_is_undone
