#include "cause.h"

#include "lang.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
#define X(name, text) text,
	GAP_CAUSES(X)
#undef X
};

const char *gap_cause_name(enum gap_cause c)
{
	return names[c];
}

int gap_cause_parse(const char *name, enum gap_cause *out)
{
	for (int i = 0; i < CAUSE_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum gap_cause)i;
			return 0;
		}
	return -EINVAL;
}

const char *gap_cause_text(enum gap_cause c)
{
	switch (c) {
	case CAUSE_CAMERA_UNREACHABLE: return lang("摄像机连接不上", "the camera cannot be reached");
	case CAUSE_CAMERA_REFUSED: return lang("摄像机拒绝连接", "the camera refused us");
	case CAUSE_STREAM_STALLED: return lang("摄像机没有送来画面", "the camera sent no pictures");
	case CAUSE_STREAM_UNUSABLE: return lang("视频流无法录制", "the stream cannot be recorded");
	case CAUSE_OVER_BITRATE: return lang("码率远超平时,会写满硬盘,暂停录制", "it sent so much that it would have filled the disks");
	case CAUSE_RECORDER_DOWN: return lang("录像机未运行", "the recorder was not running");
	case CAUSE_STORAGE_FULL: return lang("硬盘已满", "the disk was full");
	case CAUSE_STORAGE_FAILED: return lang("硬盘故障", "the disk failed");
	case CAUSE_CLOCK_STEPPED: return lang("系统时钟被调整", "the system clock was stepped");
	case CAUSE_FOOTAGE_MISSING: return lang("录像文件丢失", "recorded footage is missing");
	case CAUSE_FOOTAGE_DAMAGED: return lang("录像文件损坏", "recorded footage is damaged");
	case CAUSE_COUNT: break;
	}
	return "?";
}
