#include "recorder/libav_log.h"

#include "base/clock.h"
#include "base/log.h"

#include <libavutil/log.h>
#include <pthread.h>
#include <stdio.h>

#define REPEAT_AFTER_US (60 * US_PER_S)
#define APART_US (1 * US_PER_S)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const void *last_kind; /* the format string: its numbers change with every packet */
static int64_t last_us;

static bool is_news(const char *kind)
{
	int64_t now = clock_mono(clock_real()).us;

	pthread_mutex_lock(&lock);
	bool news = !last_kind || now - last_us > (kind == last_kind ? REPEAT_AFTER_US : APART_US);
	if (news) {
		last_kind = kind;
		last_us = now;
	}
	pthread_mutex_unlock(&lock);
	return news;
}

__attribute__((format(printf, 3, 0)))
static void on_log(void *object, int level, const char *fmt, va_list ap)
{
	char text[300], safe[300];

	if (level > AV_LOG_WARNING || !is_news(fmt))
		return;
	const AVClass *const *of = object;
	int n = vsnprintf(text, sizeof text, fmt, ap);
	if (n > 0 && (size_t)n < sizeof text && text[n - 1] == '\n')
		text[n - 1] = '\0';
	log_warn("libav", "part=%s text=\"%s\"", of && *of ? (*of)->class_name : "none",
		 log_quote(safe, sizeof safe, text));
}

static void set_callback(void)
{
	av_log_set_callback(on_log);
}

void libav_log_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_callback);
}
