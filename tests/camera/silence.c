#include "silence.h"

static void on_turn(uv_timer_t *t)
{
	struct silence *s = t->data;
	bool silent = !s->cam->silent;
	unsigned next_s = silent ? s->for_s : s->every_s - s->for_s;

	camera_set_silent(s->cam, silent);
	uv_timer_start(t, on_turn, (uint64_t)next_s * 1000, 0);
}

int silence_start(struct silence *s, uv_loop_t *loop)
{
	if (!s->cam)
		return 0;
	int rc = uv_timer_init(loop, &s->timer);
	s->timer.data = s;
	if (rc == 0)
		rc = uv_timer_start(&s->timer, on_turn, (uint64_t)s->every_s * 1000, 0);
	return rc;
}

void silence_close(struct silence *s)
{
	if (s->cam)
		uv_close((uv_handle_t *)&s->timer, NULL);
}
