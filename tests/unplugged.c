/* Stands before ALSA's library (LD_PRELOAD): while the file $UNPLUGGED is there, every card answers as one whose plug
   was pulled, with ENODEV. */

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int unplugged(void)
{
    const char *file = getenv("UNPLUGGED");
    return file && access(file, F_OK) == 0;
}

/* ALSA's own: with RTLD_NEXT it would not be found, because it is loaded later, and not for everybody. */
static void *alsa(const char *name)
{
    return dlsym(dlopen("libasound.so.2", RTLD_LAZY), name);
}

int snd_pcm_open(void **card, const char *name, int stream, int mode)
{
    int (*open)(void **, const char *, int, int) = alsa("snd_pcm_open");
    return unplugged() ? -ENODEV : open(card, name, stream, mode);
}

long snd_pcm_avail_update(void *card)
{
    long (*avail)(void *) = alsa("snd_pcm_avail_update");
    return unplugged() ? -ENODEV : avail(card);
}

long snd_pcm_readi(void *card, void *buffer, unsigned long frames)
{
    long (*read)(void *, void *, unsigned long) = alsa("snd_pcm_readi");
    return unplugged() ? -ENODEV : read(card, buffer, frames);
}

int snd_pcm_mmap_begin(void *card, const void **areas, unsigned long *offset, unsigned long *frames)
{
    int (*begin)(void *, const void **, unsigned long *, unsigned long *) = alsa("snd_pcm_mmap_begin");
    return unplugged() ? -ENODEV : begin(card, areas, offset, frames);
}
