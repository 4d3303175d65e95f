#include "net/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct question {
    struct nlmsghdr head;
    struct rtmsg route;
    struct rtattr destination;
    uint8_t address[16];
};

static struct question ask_for(const struct address *address)
{
    bool v6 = address->family == AF_INET6;
    size_t len = v6 ? 16 : 4;
    struct question question = {
        .head = {.nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(struct rtmsg)) + RTA_LENGTH(len)),
                 .nlmsg_type = RTM_GETROUTE,
                 .nlmsg_flags = NLM_F_REQUEST},
        .route = {.rtm_family = (unsigned char)address->family,
                  .rtm_dst_len = (unsigned char)(8 * len)},
        .destination = {.rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = RTA_DST},
    };
    if (v6)
        memcpy(question.address, &address->v6.sin6_addr, 16);
    else
        memcpy(question.address, &address->v4.sin_addr, 4);
    return question;
}

bool route_is_local(const struct address *address)
{
    union {
        struct nlmsghdr head;
        uint8_t bytes[4096];
    } answer;
    struct question question = ask_for(address);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0)
        return true;
    bool asked = send(fd, &question, question.head.nlmsg_len, 0) >= 0;
    ssize_t len = asked ? recv(fd, &answer, sizeof(answer), 0) : -1;
    close(fd);
    if (len < (ssize_t)NLMSG_LENGTH(sizeof(struct rtmsg)))
        return !asked || len < 0;
    const struct rtmsg *route = NLMSG_DATA(&answer.head);
    return answer.head.nlmsg_type == RTM_NEWROUTE && route->rtm_type == RTN_LOCAL;
}

bool route_exists(const struct address *address)
{
    int fd = socket(address->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) /* out of files, and not out of ways */
        return errno != EAFNOSUPPORT;
    bool connects = connect(fd, &address->any, address_len(address)) == 0;
    bool taken = !connects && errno == EAGAIN; /* all of UDP's own ports */
    close(fd);
    return connects || taken;
}
