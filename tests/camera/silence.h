/* A camera that falls silent for a while, again and again: what a demonstration needs to
 * show gaps without anybody at the controls.
 *
 * Threads: loop thread only. Memory: the struct is the caller's until the loop ends. */
#pragma once
#include "camera.h"

struct silence {
	struct camera *cam; /* NULL: no such plan */
	unsigned every_s, for_s;
	uv_timer_t timer;
};

/* The first silence begins every_s after now; for_s < every_s. */
int silence_start(struct silence *s, uv_loop_t *loop);
void silence_close(struct silence *s);
