/* Only keeps the folder a library until its first module lands. */
int view_placeholder(void);
int view_placeholder(void)
{
    return 0;
}
