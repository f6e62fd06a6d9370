#include "probe_finding.h"

#include "base/lang.h"
#include "base/show.h"

static const char *mark_of(enum probe_level level)
{
	switch (level) {
	case PROBE_GOOD: return "  ";
	case PROBE_NOTE: return "- ";
	case PROBE_WARN: return "! ";
	case PROBE_BAD:  return "X ";
	}
	return "";
}

void probe_print(const struct probe_result *r, FILE *to)
{
	struct probe_finding found[PROBE_FINDINGS_MAX];
	unsigned count = probe_findings(r, found);

	for (unsigned i = 0; i < count; i++) {
		show(to, "%s%s\n", mark_of(found[i].level), found[i].text);
		if (found[i].remedy)
			show(to, "    → %s\n", found[i].remedy);
	}
	show(to, "%s\n", !r->recordable ? lang("不能录制", "cannot be recorded") :
	     probe_is_fine(r) ? lang("可以录制", "can be recorded") :
	     lang("可以录制，但有需要改的地方", "can be recorded, but something should be changed"));
}

/* --- JSON ------------------------------------------------------------------------------- */

static json_t *number_or_null(double v, bool known)
{
	return known ? json_real(v) : json_null();
}

static json_t *findings_json(const struct probe_result *r)
{
	struct probe_finding found[PROBE_FINDINGS_MAX];
	unsigned count = probe_findings(r, found);
	json_t *list = json_array();

	for (unsigned i = 0; i < count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s?}", "id", found[i].id, "level",
						      probe_level_name(found[i].level), "text", found[i].text, "remedy",
						      found[i].remedy));
	return list;
}

static void add_measures(json_t *o, const struct probe_result *r)
{
	json_object_set_new(o, "width", r->width ? json_integer(r->width) : json_null());
	json_object_set_new(o, "height", r->height ? json_integer(r->height) : json_null());
	json_object_set_new(o, "fps", number_or_null(r->fps, r->fps > 0));
	json_object_set_new(o, "bits_per_s", number_or_null(r->bits_per_s, r->bits_per_s > 0));
	json_object_set_new(o, "key_interval_s", number_or_null(r->key_interval_s, r->keys > 0));
	json_object_set_new(o, "jitter_s", number_or_null(r->jitter_s, r->frames > 1));
	json_object_set_new(o, "lost_packets", json_integer((json_int_t)r->lost_packets));
	json_object_set_new(o, "reordered_frames", json_integer(r->reordered));
	json_object_set_new(o, "clock_error_s", number_or_null((double)r->clock_error_us / 1e6, r->clock_known));
}

json_t *probe_json(const struct probe_result *r)
{
	json_t *o = json_pack("{s:b, s:s?, s:i, s:i, s:o}", "recordable", r->recordable, "codec", r->codec, "frames",
			      (int)r->frames, "damaged_frames", (int)r->damaged, "findings", findings_json(r));

	if (!r->recordable) {
		json_object_set_new(o, "cause", json_string(gap_cause_name(r->cause)));
		json_object_set_new(o, "detail", json_string(r->detail));
	}
	if (r->frames)
		add_measures(o, r);
	return o;
}
