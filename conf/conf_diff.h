/* What changes when one configuration replaces another: used by reload (SIGHUP), so that
 * cameras that did not change are not touched (design §8).
 *
 * Pure. Threads: any.
 * Memory: the lists belong to struct conf_diff, their cameras to the configurations compared,
 *         which must outlive it; conf_diff_finish() frees. */
#pragma once
#include "conf/conf.h"

struct conf_cameras { const struct conf_camera **items; unsigned count; };

struct conf_diff {
	struct conf_cameras added;   /* of the new configuration */
	struct conf_cameras removed; /* of the old one */
	struct conf_cameras changed; /* of the new one: another url, user name, password, transport or trust; of
	                                sub_url the recorder knows itself whether it is played */
	bool other;                  /* anything else differs, names and areas of cameras included */
};

/* Both configurations from conf_load(), or both from parts of the same role. */
void conf_diff(struct conf_diff *d, const struct conf *old_conf, const struct conf *new_conf);
bool conf_diff_is_empty(const struct conf_diff *d);
void conf_diff_finish(struct conf_diff *d);
/* A process of that role cannot take the new one up in place: its confinement names folders, files and ports, and what it
 * opened before it confined itself stays open. Both from conf_load(). */
bool conf_needs_restart(const struct conf *old_conf, const struct conf *new_conf, enum conf_role role);
