/* The description of one camera (RFC 4566, RFC 6184 §8.2, RFC 7798 §7.2). Pure. */
#pragma once
#include "base/buf.h"
#include "camera.h"

/* sound: NULL: the camera has none. */
void rtsp_sdp_write(const struct camera_config *cfg, const struct encoder_sets *sets,
		    const struct sound *sound, struct buf *out);
