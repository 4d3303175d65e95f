/* Only keeps the folder a library until its first module lands. */
int proto_placeholder(void);
int proto_placeholder(void)
{
    return 0;
}
