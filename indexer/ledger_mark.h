/* The heads of the ledger that are kept outside of the catalogue (media/ledger_kept.h): each disk's (ROOT/ledger/head, written
 * here), and what the api signed, sent and had acknowledged (STATE/heads/). So a catalogue that was put back from a backup,
 * made anew or rewritten cannot go on as if nothing had been.
 *
 * At start, and when a disk comes later, they are held against the ledger. When one of them is not in it, the next entry is
 * `ledger.restored`: it names every head that is lost, and its seq follows the last of them, so that no number that
 * the regulator has seen is given to another fact. (A mark never runs ahead of what is durable: it is
 * written after the commit, and before the api is told.)
 * Threads: the keeper's. Errors: 0 or negative. */
#pragma once
#include "indexer_inner.h"

/* In a transaction, before any other entry. */
int ledger_mark_check(struct indexer *ix);
