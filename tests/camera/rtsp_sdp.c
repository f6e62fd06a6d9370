#include "rtsp_sdp.h"

#include "base/crypto.h"

#include <stdlib.h>

static void write_h264(const struct encoder_sets *sets, struct buf *out)
{
	char *sps = base64_encode(sets->sps.data, sets->sps.len);
	char *pps = base64_encode(sets->pps.data, sets->pps.len);
	const uint8_t *level = sets->sps.data + 1; /* profile, constraints, level */

	buf_printf(out, "a=rtpmap:%d H264/%d\r\n", RTP_PAYLOAD_TYPE, RTP_CLOCK_HZ);
	buf_printf(out, "a=fmtp:%d packetization-mode=1;profile-level-id=%02X%02X%02X;"
		   "sprop-parameter-sets=%s,%s\r\n", RTP_PAYLOAD_TYPE, level[0], level[1], level[2], sps,
		   pps);
	free(sps);
	free(pps);
}

static void write_h265(const struct encoder_sets *sets, struct buf *out)
{
	char *vps = base64_encode(sets->vps.data, sets->vps.len);
	char *sps = base64_encode(sets->sps.data, sets->sps.len);
	char *pps = base64_encode(sets->pps.data, sets->pps.len);

	buf_printf(out, "a=rtpmap:%d H265/%d\r\n", RTP_PAYLOAD_TYPE, RTP_CLOCK_HZ);
	buf_printf(out, "a=fmtp:%d sprop-vps=%s;sprop-sps=%s;sprop-pps=%s\r\n", RTP_PAYLOAD_TYPE, vps, sps, pps);
	free(vps);
	free(sps);
	free(pps);
}

void rtsp_sdp_write(const struct camera_config *cfg, const struct encoder_sets *sets,
		    const struct sound *sound, struct buf *out)
{
	buf_printf(out, "v=0\r\no=- %u 1 IN IP4 127.0.0.1\r\ns=%s\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
		   "a=control:*\r\na=range:npt=0-\r\n", cfg->number, cfg->name);
	buf_printf(out, "m=video 0 RTP/AVP %d\r\nb=AS:%d\r\n", RTP_PAYLOAD_TYPE,
		   (cfg->encoder.bitrate_bps + 999) / 1000);
	if (cfg->encoder.codec == ENCODER_H265)
		write_h265(sets, out);
	else
		write_h264(sets, out);
	buf_printf(out, "a=framerate:%d\r\na=control:track1\r\n", cfg->encoder.fps);
	if (sound) {
		sound_describe(sound, out);
		buf_add_text(out, "a=control:track2\r\n");
	}
}
