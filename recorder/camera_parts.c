#include "camera.h"

const struct camera_parts *camera_parts_real(void)
{
	static const struct camera_parts real = {
		.session_create = rtsp_session_create,
		.session_close = rtsp_session_close,
		.session_facts = rtsp_session_facts,
		.run_create = run_create,
		.run_packet = run_packet,
		.run_torn = run_torn,
		.run_audio_packet = run_audio_packet,
		.run_tick = run_tick,
		.run_is_stalled = run_is_stalled,
		.run_covered_until = run_covered_until,
		.run_id = run_id,
		.run_segment_lost = run_segment_lost,
		.run_stats = run_stats,
		.run_destroy = run_destroy,
	};

	return &real;
}
