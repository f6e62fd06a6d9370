/* Messages between our processes: a length (u32, big-endian) and one JSON object.
 *
 * Messages are hints and may be lost; the file system is the durable channel. The
 * exception is a command (`cmd`) of the api or the offloader to the keeper, answered after its commit.
 *
 *	{"type":"hello"}                         either end of a channel: from now on it can be spoken to (base/channel.h)
 *	{"type":"segment", …}                    recorder → keeper: look at incoming/
 *	{"type":"journal"}                       recorder → keeper: the journal grew
 *	{"type":"journal_seen","file":"…"}       keeper → recorder: older files are not needed
 *	{"type":"economy","cameras":[id,…],"refused":[id,…]}  keeper → recorder: these are to record their smaller stream, and
 *	                                         these nothing: for a minute, if it is not said again
 *	{"type":"ledger","seq":N}                keeper → api: the ledger grew
 *	{"type":"live","cameras":{id:{…}}}       recorder → keeper → api: state for people
 *	{"type":"offload","state":"…",…}         offloader → keeper → api: how copying stands
 *	{"type":"cmd","id":N,"verb":"…","args":{…}}          api, offloader → keeper
 *	{"type":"reply","id":N,"ok":bool,"body":{…}|"problem":"…","status":4xx}
 *	{"type":"conf","part":{…}}               supervisor → child, first on fd 3 and at reload
 *	{"type":"ready"}                         child → supervisor
 *	{"type":"stop"}                          supervisor → child
 *	{"type":"rights","roles":{…},"pids":[…]} supervisor → api: what is in force where; our processes
 *	{"type":"line"}                          api → supervisor: one more line to the offloader
 *
 * Threads: loop thread only. Memory: as said per function. */
#pragma once
#include "buf.h"

#include <jansson.h>
#include <stdbool.h>

#define MSG_MAX_BYTES (4u << 20)

/* Appends the framed message. False, and nothing appended: it is longer than MSG_MAX_BYTES, which what another process sent
 * can become when it is passed on or quoted in an answer. */
bool msg_encode(struct buf *out, const json_t *msg);
/* Takes the first whole message from the front of in: 1 and a new reference, 0 if there is
 * none yet, -EPROTO if the bytes are no message (the connection is then useless). */
int msg_take(struct buf *in, json_t **msg);
const char *msg_type(const json_t *msg); /* never NULL: "" if absent */
