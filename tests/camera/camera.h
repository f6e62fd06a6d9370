/* One simulated camera: draws, encodes and packetises by its clock while somebody
 * plays it, and misbehaves when told to.
 *
 * Threads: loop thread only.
 * Memory:  init/finish: the struct is the caller's and must not move; after
 *          camera_close() it must live until the loop has run its close callback.
 *          Names are borrowed from the options.
 * Time:    clock_us is UTC in µs since 1970, taken when the picture is drawn. */
#pragma once
#include "encoder.h"
#include "rtp.h"
#include "sound.h"
#include "truth.h"

#include <uv.h>

struct camera_config {
	const char *name;
	uint16_t number;           /* in the picture; counted from 1 */
	struct encoder_config encoder;
	int64_t gop_us;
	bool inband;               /* parameter sets before every key frame, not only changed ones */
	enum sound_kind sound;
};

/* One picture on its way to the viewers; valid during the call. */
struct camera_media {
	struct rtp_packets packets;
	int64_t clock_us;
	int64_t shift_us; /* to be added to the clock for the RTP timestamp */
	int64_t told_us;  /* the clock as sender reports tell it */
};

/* Somebody who plays. The calls may detach their own viewer, no other. */
struct camera_viewer {
	bool (*ready)(struct camera_viewer *v); /* whether it can take a picture now */
	void (*on_media)(struct camera_viewer *v, const struct camera_media *m);
	void (*on_sound)(struct camera_viewer *v, const struct sound_packet *p); /* NULL: it has not set it up */
	struct camera_viewer *prev, *next; /* the camera's from here on */
	bool has_key;
	bool takes; /* the picture at hand */
};

struct camera {
	struct camera_config cfg;
	struct truth *truth;        /* borrowed */
	uv_timer_t tick;
	struct encoder *encoder;    /* NULL until first described */
	struct rtp_packetiser *packetiser;
	struct camera_viewer *viewers;
	int64_t period_us;
	int64_t due_us;             /* of the next picture, in loop time */
	int64_t next_key_us;        /* in loop time */
	bool want_key;
	bool sets_changed;          /* parameter sets must go in-band once */
	uv_timer_t sound_tick;
	struct sound *sound;        /* NULL without, or until first described */
	uint64_t frames, bytes;     /* handed to at least one viewer */

	bool silent, refused, wrong_auth, muted;
	int64_t shift_us;           /* sum of the jumps */
	int64_t clock_off_us;       /* what it tells of the time, minus the time */
};

int camera_init(struct camera *cam, uv_loop_t *loop, const struct camera_config *cfg,
		struct truth *truth);
void camera_close(struct camera *cam);  /* all viewers have been detached */
void camera_finish(struct camera *cam); /* after the loop has ended */

/* The parameter sets for an SDP; opens the encoder if need be. */
int camera_describe(struct camera *cam, struct encoder_sets *sets, struct err *e);
/* The first picture that a viewer gets is a key frame, made for it at once. */
int camera_attach(struct camera *cam, struct camera_viewer *v, struct err *e);
void camera_detach(struct camera *cam, struct camera_viewer *v);

/* --- faults: each one is written to the truth log ------------------------------- */
void camera_set_silent(struct camera *cam, bool on);
void camera_set_muted(struct camera *cam, bool on); /* no sound any more; pictures go on */
void camera_set_refused(struct camera *cam, bool on);
void camera_set_wrong_auth(struct camera *cam, bool on);
void camera_set_fps(struct camera *cam, double fps); /* > 0 */
void camera_jump(struct camera *cam, double seconds);
/* Its sender reports tell a time that is so much ahead; the picture shows the true one. */
void camera_set_clock_off(struct camera *cam, double seconds);
int camera_change_sets(struct camera *cam, struct err *e);
