#include "recorder/sdp_write.h"

#include "recorder/sdp.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool fits_a_line(const char *text)
{
	if (strlen(text) > SDP_FMTP_MAX)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
			return false;
	return true;
}

int sdp_write(const struct track *t, struct buf *out)
{
	static const char *const names[] = {"H264", "H265", "mpeg4-generic", "MP4A-LATM", "PCMA", "PCMU"};

	if (t->clock_rate == 0 || (t->fmtp && !fits_a_line(t->fmtp)))
		return -EINVAL;
	buf_add_text(out, "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n");
	buf_printf(out, "m=%s 0 RTP/AVP %d\r\na=rtpmap:%d %s/%u", track_is_audio(t) ? "audio" : "video",
		   SDP_WRITE_PAYLOAD_TYPE, SDP_WRITE_PAYLOAD_TYPE, names[t->codec], t->clock_rate);
	if (t->channels)
		buf_printf(out, "/%u", t->channels);
	buf_add_text(out, "\r\n");
	if (t->fmtp && t->fmtp[0])
		buf_printf(out, "a=fmtp:%d %s\r\n", SDP_WRITE_PAYLOAD_TYPE, t->fmtp);
	return 0;
}
