/* Where the ledger stood, written beside the footage (ROOT/ledger/head: `SEQ HASH`), so that a catalogue that
 * was put back from a backup, or made anew, cannot go on as if nothing had been.
 *
 * At start the marks of all roots are held against the ledger. When one knows more, the next entry is
 * `ledger.restored`: it names the head that is lost, and its seq follows that head, so that no number that
 * the regulator has seen is given to another fact. (A mark never runs ahead of what is durable: it is
 * written after the commit, and before the api is told.)
 * Threads: the keeper's. Errors: 0 or negative. */
#pragma once
#include "indexer_inner.h"

/* In a transaction, before any other entry. */
int ledger_mark_check(struct indexer *ix);
